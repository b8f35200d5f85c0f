// `patio list` and `patio ping`: requests to peers that run none of their functions.
#include <sstream>

#include <patio/actors/os/clock.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

struct peer_flags {
  connection_flags connection;
  target_flags targets;
  bool json = false, is_long = false;
  unsigned count = 4;
};

using descriptions = std::map<std::string, function_description>;

/// Returns the first line of a text that a peer has sent.
std::string first_line(const std::string& text) {
  return displayable(std::string_view{text}.substr(0, text.find('\n')));
}

std::string lines_for(const std::string& name, const descriptions& known) {
  auto at = known.find(name);
  if (at == known.end()) return displayable(name) + "\n";
  const auto& d = at->second;
  auto where = d.quick ? "quick" : d.executor.empty() ? "default" : displayable(d.executor);
  auto text = displayable(name) + displayable(d.signature) + "  [" + where + "]\n";
  return d.doc.empty() ? text : text + "    " + first_line(d.doc) + "\n";
}

value json_for(const std::string& name, const descriptions& known) {
  std::vector<dict_entry> entries{{"name", name}};
  auto at = known.find(name);
  auto described = to_value(at == known.end() ? function_description{} : at->second);
  for (const auto& [key, v] : described.entries())
    entries.emplace_back(key, at == known.end() ? value{} : v);
  return value::dict(std::move(entries));
}

int list_long(client& node, const std::vector<std::string>& names, bool as_json) {
  auto known = node.descriptions();
  if (!known) return report(known.error());
  std::vector<value> all;
  std::string lines;
  for (const auto& name : names) {
    if (as_json) all.push_back(json_for(name, *known));
    else lines += lines_for(name, *known);
  }
  return as_json ? print(value::list(std::move(all)), true) : print_text(lines);
}

int list(const peer_flags& f) {
  auto node = client::connect(f.targets, f.connection);
  if (!node) return report(node.error());
  auto names = (*node)->names();
  if (!names) return report(names.error());
  if (f.is_long) return list_long(**node, *names, f.json);
  if (f.json) {
    std::vector<value> all(names->begin(), names->end());
    return print(value::list(std::move(all)), true);
  }
  std::string lines;
  for (const auto& name : *names) lines += displayable(name) + "\n";
  return print_text(lines);
}

// report() gives advice about functions, and a ping runs none.
int report_ping(unsigned number, const std::string& peer, const error& why) {
  print_error("ping " + std::to_string(number) + ": " + peer + displayable(why.message));
  return exit_code_of(why.code);
}

// A lost peer is not pinged again. With several peers, the error names the lost one.
int ping_all(client& node, std::vector<peer_info> peers, unsigned count,
             std::chrono::nanoseconds timeout) {
  int code = ok, printed = ok;
  bool has_several = peers.size() > 1;
  for (unsigned i = 1; i <= count && printed == ok; ++i)
    std::erase_if(peers, [&](const peer_info& peer) {
      auto begin = clock_now();
      auto pong = node.ping(peer, timeout);
      if (!pong) {
        code = report_ping(i, has_several ? peer.address + ": " : "", pong.error());
        return true;
      }
      auto elapsed = std::chrono::duration<double, std::milli>{clock_now() - begin}.count();
      std::ostringstream line;
      line << peer.address << ": ping " << i << " " << elapsed << " ms\n";
      if (printed == ok) printed = print_text(line.str());
      return false;
    });
  return peers.empty() ? code : printed;
}

int ping(const peer_flags& f) {
  auto node = client::connect(f.targets, f.connection);
  if (!node) return report(node.error());
  auto timeout = seconds(f.connection.timeout);
  if (!timeout) return report(timeout.error());
  return ping_all(**node, (*node)->peers(), f.count, *timeout);
}

} // namespace

void add_list(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "list", "print the names of the functions that the peers serve, one per line");
  auto f = std::make_shared<peer_flags>();
  f->targets.add(sub);
  sub.add_flag("--json", f->json, "print a JSON array");
  sub.add_flag("--long", f->is_long,
               "print also the signature, the executor and the first line of the description of "
               "each function, as far as the peer tells them");
  f->connection.add_security(sub);
  sub.footer("Example:\n  patio list --connect 127.0.0.1:15383");
  sub.callback([f, &run] { run = [f] { return list(*f); }; });
}

void add_ping(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "ping", "measure the round-trip time to each peer, without running a function");
  auto f = std::make_shared<peer_flags>();
  f->targets.add(sub);
  sub.add_option("--count", f->count, "number of pings, sent one after another")
    ->check(CLI::Range(1, 1'000'000))
    ->capture_default_str();
  f->connection.add_security(sub);
  f->connection.add_timeout(sub);
  sub.footer("Example:\n  patio ping --connect 127.0.0.1:15383 --count 10");
  sub.callback([f, &run] { run = [f] { return ping(*f); }; });
}

} // namespace patio::apps
