#include <patio/actors/os/log.hpp>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <mutex>

namespace patio {
namespace {

struct sink_slot {
  std::mutex mutex;
  std::shared_ptr<const std::function<void(log_level, std::string_view)>> sink;
};

sink_slot& slot() {
  static sink_slot the_slot;
  return the_slot;
}

std::atomic<log_level> lowest_level{log_level::warning};

spdlog::logger& default_logger() {
  static const auto logger = [] {
    auto made =
      std::make_shared<spdlog::logger>("patio", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z level=%l %v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
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
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                         spdlog::level::warn, spdlog::level::err,
                                                         spdlog::level::off};
  default_logger().log(levels[static_cast<std::size_t>(level)], "{}", text);
}

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
