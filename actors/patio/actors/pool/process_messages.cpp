#include <patio/actors/pool/process_messages.hpp>

#include <algorithm>
#include <array>
#include <bit>

#include <patio/actors/os/log.hpp>
#include <patio/base/digest.hpp>
#include <patio/convert/containers.hpp>
#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio {
namespace {

using signature_list = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view wrong_frame = "the handshake has no valid ";

std::string pickled(std::vector<dict_entry> entries) {
  std::string bytes;
  // Cannot fail: names are UTF-8, and all types are built in.
  (void)write_pickle(value::dict(std::move(entries)), bytes);
  return bytes;
}

/// Reads the entries of a handshake frame. Remembers the first entry that is wrong.
class entry_reader {
public:
  explicit entry_reader(std::string_view payload) {
    auto read = read_pickle(payload, {.bytes = handshake_bytes, .trailing_bytes = 0});
    if (read && read->kind() == kind::dict) dict_ = std::move(*read);
    else wrong_ = read ? "dict" : "pickle: " + read.error().message;
  }
  template <class T>
  void read(const char* name, T& out) {
    if (!wrong_.empty()) return;
    const auto* found = dict_.find(name);
    auto converted = found ? from_value<T>(*found) : fail(errc::invalid, "");
    if (converted) out = std::move(*converted);
    else wrong_ = name;
  }
  /// Reads bytes.
  void read_data(const char* name, std::string& out) {
    if (!wrong_.empty()) return;
    const auto* found = dict_.find(name);
    if (found && found->kind() == kind::bytes) out = found->data();
    else wrong_ = name;
  }
  template <class T>
  [[nodiscard]] result<T> finish(T read) const {
    if (wrong_.empty()) return read;
    return fail(errc::undecodable, std::string{wrong_frame} + wrong_);
  }

private:
  value dict_;
  std::string wrong_;
};

value number_or_none(std::optional<std::int64_t> n) { return n ? value{*n} : value{}; }

// Paths are bytes that need not be UTF-8, and contain no zero byte.
value joined(const std::vector<std::string>& paths) {
  std::string all;
  for (const auto& path : paths) all.append(path).push_back('\0');
  return value::bytes(std::move(all));
}

std::vector<std::string> separated(std::string_view all) {
  std::vector<std::string> paths;
  for (std::size_t end = 0; (end = all.find('\0')) != all.npos; all.remove_prefix(end + 1))
    paths.emplace_back(all.substr(0, end));
  return paths;
}

std::string quoted(const std::string& name, const std::string& signature) {
  return "'" + printable(name + signature) + "'";
}

} // namespace

signature_list signatures_of(const registry& functions) {
  signature_list all;
  for (auto& name : functions.names()) all.emplace_back(name, functions.find(name)->signature);
  std::ranges::sort(all);
  return all;
}

std::string digest_of(const registry& functions) {
  std::string text;
  for (const auto& [name, signature] : signatures_of(functions)) {
    text += name;
    text += '\0';
    text += signature;
    text += '\0';
  }
  return blake2s(text, {}, {});
}

std::optional<std::string> first_difference(const signature_list& ours,
                                            const signature_list& theirs) {
  auto [a, b] = std::ranges::mismatch(ours, theirs);
  if (a == ours.end() && b == theirs.end()) return {};
  if (b == theirs.end() || (a != ours.end() && a->first < b->first))
    return "it lacks the function " + quoted(a->first, a->second);
  if (a == ours.end() || b->first < a->first)
    return "it has the function " + quoted(b->first, b->second) + ", which this program lacks";
  return "it has " + quoted(b->first, b->second) + ", and this program has "
         + quoted(a->first, a->second);
}

std::string write_settings(const worker_settings& settings) {
  const auto& l = settings.limits;
  std::optional<std::int64_t> memory, cpu;
  if (l.memory_bytes) memory = static_cast<std::int64_t>(*l.memory_bytes);
  if (l.cpu_time) cpu = l.cpu_time->count();
  auto paths = l.paths.value_or(process_paths{});
  return pickled({{"version", settings.version},
                  {"digest", value::bytes(settings.digest)},
                  {"memory_bytes", number_or_none(memory)},
                  {"cpu_seconds", number_or_none(cpu)},
                  {"niceness", static_cast<std::int64_t>(l.niceness)},
                  {"no_new_privileges", l.no_new_privileges},
                  {"refuse_system_calls", l.refuse_system_calls},
                  {"are_paths_limited", l.paths.has_value()},
                  {"readable", joined(paths.readable)},
                  {"writable", joined(paths.writable)},
                  {"message_bytes", static_cast<std::int64_t>(l.message_bytes)}});
}

result<worker_settings> read_settings(std::string_view payload) {
  worker_settings s;
  std::optional<std::int64_t> memory, cpu;
  std::int64_t message_bytes = 0, niceness = 0;
  std::string readable, writable;
  bool are_paths_limited = false;
  entry_reader entries{payload};
  entries.read("version", s.version);
  entries.read_data("digest", s.digest);
  entries.read("memory_bytes", memory);
  entries.read("cpu_seconds", cpu);
  entries.read("niceness", niceness);
  entries.read("no_new_privileges", s.limits.no_new_privileges);
  entries.read("refuse_system_calls", s.limits.refuse_system_calls);
  entries.read("are_paths_limited", are_paths_limited);
  entries.read_data("readable", readable);
  entries.read_data("writable", writable);
  entries.read("message_bytes", message_bytes);
  if (memory) s.limits.memory_bytes = static_cast<std::size_t>(*memory);
  if (cpu) s.limits.cpu_time = std::chrono::seconds{*cpu};
  if (are_paths_limited) s.limits.paths = {separated(readable), separated(writable)};
  s.limits.niceness = static_cast<int>(niceness);
  s.limits.message_bytes = static_cast<std::size_t>(message_bytes);
  return entries.finish(std::move(s));
}

std::string write_hello(const worker_hello& hello) {
  std::vector<value> functions;
  for (const auto& [name, signature] : hello.functions)
    functions.push_back(value::tuple({name, signature}));
  return pickled({{"version", hello.version},
                  {"digest", value::bytes(hello.digest)},
                  {"functions", value::list(std::move(functions))},
                  {"failure", hello.failure}});
}

result<worker_hello> read_hello(std::string_view payload) {
  worker_hello h;
  entry_reader entries{payload};
  entries.read("version", h.version);
  entries.read_data("digest", h.digest);
  entries.read("functions", h.functions);
  entries.read("failure", h.failure);
  return entries.finish(std::move(h));
}

std::optional<std::string> reason_to_refuse(const worker_hello& hello, const registry& functions) {
  if (hello.version != worker_protocol_version)
    return "the worker program speaks version " + std::to_string(hello.version)
           + " of the worker protocol, and this program speaks version "
           + std::to_string(worker_protocol_version);
  if (!hello.failure.empty()) return printable(hello.failure);
  if (hello.digest == digest_of(functions)) return {};
  auto why = first_difference(signatures_of(functions), hello.functions);
  return "the worker program has other functions: "
         + why.value_or("its digest differs, and its list of functions does not");
}

std::string write_place(process_area::place at) {
  auto bytes = std::bit_cast<std::array<char, place_bytes>>(at);
  return {bytes.data(), bytes.size()};
}

std::optional<process_area::place> read_place(std::string_view payload) {
  std::array<char, place_bytes> bytes;
  if (payload.size() != bytes.size()) return {};
  std::ranges::copy(payload, bytes.begin());
  return std::bit_cast<process_area::place>(bytes);
}

std::size_t area_bytes(std::size_t message_bytes) {
  return message_bytes < large_message ? 0 : std::min(message_bytes, largest_area);
}

bool is_large(const value& v) { return v.weight() >= large_message; }

bool is_large(const arguments& args) { return weight_of(args) >= large_message; }

std::string describe_message(const protocol::frame_header& header) {
  bool is_request = header.type == request_in_memory;
  if (!is_request && header.type != response_in_memory) return describe(header);
  return std::string{is_request ? "REQUEST" : "RESPONSE"} + " in shared memory (type "
         + std::to_string(static_cast<int>(header.type)) + ", serial "
         + std::to_string(header.serial) + ")";
}

std::shared_ptr<const protocol::session_options> message_options(std::size_t message_bytes,
                                                                 const python_types& types) {
  auto options = std::make_shared<protocol::session_options>();
  options->limits.frame_bytes = message_bytes;
  options->limits.pickle = message_limits(message_bytes);
  options->types = types;
  return options;
}

// A value takes at least one byte of a pickle. These limits refuse no ordinary list of numbers or
// texts that fits into the frame, and still bound the memory that a damaged frame can claim.
pickle_limits message_limits(std::size_t message_bytes) {
  pickle_limits l;
  l.bytes = message_bytes;
  l.nodes = std::max(l.nodes, message_bytes / 8);
  l.memo_entries = std::max(l.memo_entries, message_bytes / 8);
  l.memory_bytes = std::max(l.memory_bytes, 8 * message_bytes);
  l.trailing_bytes = 0;
  return l;
}

} // namespace patio
