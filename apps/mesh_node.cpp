// `patio mesh-node`: one C++ node of `patio mesh`. It takes its commands as lines on standard input
// and reports as lines on standard output, in the form that mesh_account.hpp describes.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <condition_variable>
#include <iostream>
#include <thread>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/log.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "exit_code.hpp"

namespace patio::apps {
namespace {

struct node_flags {
  std::uint64_t index = 0, incarnation = 0;
  std::uint16_t port = 0;
  double rate = 10;
};

// Writes each line with one write(2), so that the lines of several threads do not mix. A written
// line survives a kill of the process.
void print_line(const std::string& line) {
  auto text = line + "\n";
  (void)!::write(STDOUT_FILENO, text.data(), text.size());
}

/// Calls `work` at the given rate, from a thread of its own. The destructor stops the calls and
/// waits until the open calls have ended.
class caller {
public:
  caller(broker_actor broker, const node_flags& f)
      : broker_{std::move(broker)}, flags_{f}, thread_{[this] { run(); }} {}
  ~caller() {
    stop();
    thread_.join();
  }
  /// Begins no more calls.
  void stop() {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    wake_.notify_all();
  }

private:
  void run() {
    auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock{mutex_};
    for (std::uint64_t number = 1; !stopping_; ++number) {
      auto due = begin
                 + std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::duration<double>{static_cast<double>(number) / flags_.rate});
      if (wake_.wait_until(lock, due, [this] { return stopping_; })) break;
      ++open_;
      lock.unlock();
      call(number);
      report_peers();
      lock.lock();
    }
    wake_.wait(lock, [this] { return open_ == 0; });
    print_line("idle");
  }

  void report_peers() {
    if (clock_now() < next_report_) return;
    next_report_ = clock_now() + std::chrono::seconds{1};
    request_async(broker_, caf::make_message(peers_atom::value), [](caf::message& m) {
      if (m.match_elements<std::vector<peer_info>>())
        print_line("p " + std::to_string(m.get_as<std::vector<peer_info>>(0).size()));
    });
  }

  void call(std::uint64_t number) {
    auto id = (flags_.index << 48) | (flags_.incarnation << 32) | number;
    auto begin = clock_now();
    print_line("b " + std::to_string(id));
    call_async(broker_, {"work", {{value{id}}, {}}, 2}, {}, [this, id, begin](result<value> r) {
      auto ending = !r                ? std::string{to_string(r.error().code)}
                    : *r == value{id} ? "value"
                                      : "wrong";
      print_line("e " + std::to_string(id) + " " + ending + " "
                 + std::to_string((clock_now() - begin).count() / 1000));
      std::lock_guard lock{mutex_};
      if (--open_ == 0) wake_.notify_all();
    });
  }

  broker_actor broker_;
  node_flags flags_;
  instant next_report_{};
  std::mutex mutex_; ///< guards `stopping_` and `open_`
  std::condition_variable wake_;
  bool stopping_ = false;
  std::size_t open_ = 0;
  std::thread thread_;
};

/// Obeys the lines of standard input until its end:
///   "connect HOST:PORT"  dials a peer, and begins to call
///   "accepted"           begins to call the peers that dial this node
///   "stop"               begins no more calls; the first line of a node that starts late
int obey(const tcp_broker_actor& node, const node_flags& f) {
  constexpr std::string_view dial = "connect ";
  std::optional<caller> calls;
  bool stopped = false;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "stop") {
      stopped = true;
      if (calls) calls->stop();
      else print_line("idle");
      continue;
    }
    if (line.starts_with(dial)) {
      auto peer = parse_endpoint(std::string_view{line}.substr(dial.size()));
      if (!peer) return report(peer.error());
      connect(node, *peer, {give_up::no}); // the mesh kills nodes during logins, too
    } else if (line != "accepted") {
      return report({errc::invalid,
                     "'" + line
                       + "' is not a line for a node of a mesh: it takes \"connect "
                         "HOST:PORT\", \"accepted\" and \"stop\"",
                     {}});
    }
    if (!calls && !stopped) calls.emplace(node, f);
  }
  return ok;
}

int run_node(const node_flags& f) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // the end of standard input tells of an earlier death
  set_log_level(log_level::error);    // lost peers are expected here
  registry rpc{{.project = "mesh", .auto_naming = false}};
  rpc.add("work", [](std::uint64_t id) {
    print_line("x " + std::to_string(id));
    return id;
  });
  system_config config;
  caf::actor_system sys{config};
  owned_broker node{spawn_tcp_broker(sys, spawn_async_pool(sys, rpc, {.workers = 64}))};
  auto bound = listen(node, endpoint{"127.0.0.1", f.port});
  if (!bound) return report(bound.error());
  print_line("listening on " + to_string(*bound));
  return obey(node, f);
}

} // namespace

void add_mesh_node(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand("mesh-node", "one node of `patio mesh`")->group("");
  auto f = std::make_shared<node_flags>();
  sub.add_option("--index", f->index);
  sub.add_option("--incarnation", f->incarnation);
  sub.add_option("--port", f->port);
  sub.add_option("--rate", f->rate);
  sub.callback([f, &run] { run = [f] { return run_node(*f); }; });
}

} // namespace patio::apps
