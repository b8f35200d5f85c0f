#include <patio/actors/os/log.hpp>

#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <patio/actors/os/line_writer.hpp>

namespace patio {
namespace {

struct sink_slot {
  std::mutex mutex;
  std::shared_ptr<const std::function<void(log_level, std::string_view)>> sink;
};

sink_slot& slot() {
  static auto& the_slot = *new sink_slot; // threads may log while static objects are destroyed
  return the_slot;
}

std::atomic<log_level> lowest_level{log_level::warning};

/// Returns the line of the default sink, with time and level.
std::string format_line(log_level level, std::string_view text) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                         spdlog::level::warn, spdlog::level::err,
                                                         spdlog::level::off};
  struct shared_formatter { // it caches the time
    std::mutex mutex;
    spdlog::pattern_formatter formatter{"%Y-%m-%dT%H:%M:%S.%e%z level=%l %v"};
  };
  static auto& shared = *new shared_formatter; // lives as long as the writer
  spdlog::details::log_msg message{
    "patio", levels[static_cast<std::size_t>(level)], {text.data(), text.size()}};
  spdlog::memory_buf_t line;
  std::lock_guard lock{shared.mutex};
  shared.formatter.format(message, line);
  return {line.data(), line.size()};
}

std::string left_out_line(std::uint64_t count) {
  return format_line(log_level::warning, "event=log lines_left_out=" + std::to_string(count)
                                           + " reason=\"standard error did not take them\"");
}

/// Lives as long as the process, like its thread.
line_writer& standard_error() {
  static auto& writer = *[] {
    auto* made = new line_writer{STDERR_FILENO, {.left_out = left_out_line}};
    (void)std::atexit([] { (void)flush_log(); });
    return made;
  }();
  return writer;
}

void write_line(log_level level, std::string_view text) noexcept {
  auto& writer = standard_error();
  try {
    writer.write(format_line(level, text));
  } catch (...) { // there is no memory for the line
    writer.leave_out();
  }
}

} // namespace

void set_log_level(log_level lowest) { lowest_level = lowest; }

bool is_logged(log_level level) noexcept {
  return level >= lowest_level.load(std::memory_order_relaxed);
}

void set_log_sink(std::function<void(log_level, std::string_view)> sink) {
  auto shared =
    sink ? std::make_shared<const std::function<void(log_level, std::string_view)>>(std::move(sink))
         : nullptr;
  std::lock_guard lock{slot().mutex};
  slot().sink = std::move(shared);
}

void log(log_level level, std::string_view text) {
  if (!is_logged(level)) return;
  std::shared_ptr<const std::function<void(log_level, std::string_view)>> sink;
  {
    std::lock_guard lock{slot().mutex};
    sink = slot().sink;
  }
  if (sink) {
    try {
      (*sink)(level, text);
    } catch (...) { // an exception from the sink must not end the broker that logs
    }
    return;
  }
  write_line(level, text);
}

void print_to_standard_error(std::string line) { standard_error().write(std::move(line)); }

bool flush_log() { return standard_error().flush(); }

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (char c : text.substr(0, max_bytes)) {
    auto u = static_cast<unsigned char>(c);
    static constexpr char digits[] = "0123456789abcdef";
    if (u >= 0x20 && u < 0x7f && c != '"') out += c;
    else out += {'\\', 'x', digits[u >> 4], digits[u & 15]};
  }
  return text.size() > max_bytes ? out + "..." : out;
}

} // namespace patio
