#include <algorithm>

#include <patio/base/utf8.hpp>
#include <patio/value/literal.hpp>
#include <patio/value/repr.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"

namespace patio::apps {
namespace {

struct call_flags {
  connection_flags connection;
  std::string name;
  std::vector<std::string> words, keywords;
  target_flags targets;
  bool json = false;
};

using keyword = std::pair<std::string, value>;

result<arguments> parse_arguments(const call_flags& f) {
  arguments args;
  for (const auto& word : f.words) {
    auto v = parse_word(word);
    if (!v)
      return fail(errc::invalid, "argument " + patio::quoted(word) + ": " + v.error().message);
    args.positional.push_back(std::move(*v));
  }
  for (const auto& pair : f.keywords) {
    auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(errc::invalid, "--kw takes NAME=VALUE, not " + patio::quoted(pair));
    auto v = parse_word(std::string_view{pair}.substr(equals + 1));
    if (!v) return fail(errc::invalid, "--kw " + patio::quoted(pair) + ": " + v.error().message);
    auto name = pair.substr(0, equals);
    if (!is_utf8(name)) return fail(errc::invalid, "--kw " + patio::quoted(pair) + ": not UTF-8");
    if (std::ranges::find(args.keywords, name, &keyword::first) != args.keywords.end())
      return fail(errc::invalid, "--kw gives " + patio::quoted(name) + " twice");
    args.keywords.emplace_back(std::move(name), std::move(*v));
  }
  return args;
}

int call_once(const call_flags& f) {
  if (!is_utf8(f.name))
    return report({errc::invalid, "NAME " + patio::quoted(f.name) + ": not UTF-8", {}});
  auto args = parse_arguments(f);
  if (!args) return report(args.error());
  auto timeout = seconds(f.connection.timeout);
  if (!timeout) return report(timeout.error());
  auto node = client::connect(f.targets, f.connection, f.name);
  if (!node) return report(node.error());
  std::promise<result<value>> ended;
  call_async((*node)->broker(), {f.name, std::move(*args), f.connection.timeout}, {},
             [&](result<value> r) { ended.set_value(std::move(r)); });
  auto r = ended.get_future().get();
  return r ? print(*r, f.json) : report(r.error());
}

} // namespace

void add_call(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand("call", "call a function of a peer and print its result");
  auto f = std::make_shared<call_flags>();
  sub.add_option("name", f->name, "function to call")->required()->type_name("NAME");
  sub
    .add_option("arg", f->words,
                "argument: a Python literal or JSON; a word that is neither is a string")
    ->type_name("ARG");
  sub.add_option("--kw", f->keywords, "keyword argument; may be repeated")
    ->type_name("NAME=VALUE")
    ->allow_extra_args(false);
  f->targets.add(sub);
  sub.add_flag("--json", f->json, "print the result as JSON");
  f->connection.add_security(sub);
  f->connection.add_timeout(sub);
  sub.footer("Example:\n  patio call div 1 0.5 --connect 127.0.0.1:15383\n  patio call echo \"(1, "
             "b'x')\" --kw a=None --connect 127.0.0.1\n"
             "Arguments that begin with - go after -- :\n"
             "  patio call sub --connect 127.0.0.1 -- 1 -2");
  sub.callback([f, &run] { run = [f] { return call_once(*f); }; });
}

} // namespace patio::apps
