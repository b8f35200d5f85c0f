#include <patio/pickle/pickle.hpp>

#include "commands.hpp"
#include "exit_code.hpp"
#include "standard_streams.hpp"
#include "tagged_json.hpp"

namespace patio::apps {
namespace {

// Far more than the reader accepts. A file without an end, such as /dev/zero, must not take all
// memory.
constexpr std::size_t max_pickle_bytes = std::size_t{128} << 20;

// The payload of a frame is a value or a call. Only an ERROR frame may hold an exception whose
// class the node does not know.
result<std::string> explain_bytes(std::string_view bytes) {
  auto types = python_types::standard();
  if (auto call = read_call_request(bytes, {}, types)) return to_tagged_json(*call);
  auto strict = read_pickle(bytes, {}, unknown_class::refuse, types);
  if (strict) return to_tagged_json(*strict);
  if (auto v = read_pickle(bytes, {}, unknown_class::as_exception);
      v && v->kind() == kind::exception)
    strict.error().message += "; accepted in an ERROR frame, as an exception of an unknown class";
  return tl::unexpected(std::move(strict.error()));
}

int explain(const std::string& path) {
  auto explained = read_input(path, max_pickle_bytes).and_then([](const std::string& bytes) {
    return explain_bytes(bytes);
  });
  if (!explained) return report(explained.error());
  return print_text(*explained + "\n");
}

} // namespace

void add_pickle(CLI::App& app, command& run) {
  auto& sub =
    *app.add_subcommand("pickle", "inspect Python pickles, without running any code in them");
  auto& explain_sub = *sub.add_subcommand(
    "explain", "print the value as tagged JSON, or name the byte that is refused and the reason");
  sub.require_subcommand(1);
  auto path = std::make_shared<std::string>("-");
  explain_sub.add_option("file", *path, "the pickle (default: -, which is standard input)")
    ->type_name("FILE");
  const char* example = "Example:\n  python3 -c 'import pickle, sys; "
                        "sys.stdout.buffer.write(pickle.dumps((1, \"a\")))' | patio pickle explain";
  sub.footer(example);
  explain_sub.footer(example);
  explain_sub.callback([path, &run] { run = [path] { return explain(*path); }; });
}

} // namespace patio::apps
