#include "peer.hpp"

#include <atomic>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/patio.hpp>

namespace patio::chaos {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds tick{2}, peers_interval{50};
constexpr std::chrono::seconds probe_patience{5};

/// One call before it is made.
struct planned_call {
  std::int64_t id = 0;
  std::string function = "chaos.mark", padding = {};
  std::int64_t hold = 0; ///< milliseconds
  std::optional<milliseconds> timeout = {};
  std::optional<connection_id> only = {};
};

/// The connections of one broker, as last seen. Some of them may be gone by now, and a call to such
/// a connection must not be sent.
class known_peers {
public:
  void set(const std::vector<peer_info>& peers) {
    std::lock_guard lock{mutex_};
    peers_ = peers;
  }
  [[nodiscard]] std::optional<connection_id> any(std::uint64_t number) {
    std::lock_guard lock{mutex_};
    if (peers_.empty()) return {};
    return peers_[number % peers_.size()].id;
  }

private:
  std::mutex mutex_;
  std::vector<peer_info> peers_;
};

// Careful brokers have different limits, so that some calls are refused without a route, and some
// as overloaded.
tcp_options options_of(int broker, bool careful) {
  constexpr milliseconds soon{50}; // as peer.py's reconnect_timeout
  tcp_options o{.limits = {.reconnect = {soon, soon, soon}}};
  if (careful && broker == 2) o.limits.route_timeout = {};
  if (careful && broker == 3) o.limits.outbound_calls = 50;
  return o;
}

/// Returns "value" or the name of the error. An overloaded peer refuses a call with an exception.
/// Only the text distinguishes this refusal from an exception of the function.
std::string ending_of(const planned_call& c, const result<value>& r) {
  if (r) return *r == value{std::to_string(c.id) + ":" + c.padding} ? "value" : "wrong_value";
  if (to_string(r.error()).find("overloaded") != std::string::npos) return "overloaded";
  return std::string{to_string(r.error().code)};
}

class client {
public:
  explicit client(const client_flags& f);
  ~client();
  void probe();

private:
  void run();
  [[nodiscard]] planned_call draw(std::int64_t id);
  [[nodiscard]] std::size_t padding();
  void begin(std::size_t broker, planned_call c);
  void ask_for_peers();
  [[nodiscard]] static bool reaches_server(const tcp_broker_actor& broker, std::int64_t id);

  client_flags flags_;
  std::mt19937_64 random_;
  system_config config_;
  caf::actor_system system_{config_};
  std::vector<tcp_broker_actor> brokers_;
  std::vector<std::shared_ptr<known_peers>> peers_; ///< one for each broker
  clock::time_point peers_asked_{};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

client::client(const client_flags& f) : flags_{f}, random_{f.seed} {
  for (int i = 0; i < brokers; ++i) {
    brokers_.push_back(spawn_tcp_broker(system_, null_executor(), options_of(i, f.careful)));
    peers_.push_back(std::make_shared<known_peers>());
    for (int n = 0; n < links_of(i); ++n)
      connect(brokers_.back(), f.where, {give_up::no}); // a fault may look like a refusal
  }
  thread_ = std::thread{[this] { run(); }};
}

client::~client() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  for (auto& b : brokers_) shut_down(b);
}

// Begins all calls that are due by the clock, however many calls are open: a stalled connection
// must not slow down the others.
void client::run() {
  auto started = clock::now();
  std::unique_lock lock{mutex_};
  for (std::int64_t id = 0; id < flags_.calls;) {
    auto due = static_cast<std::int64_t>(
      std::chrono::duration<double>{clock::now() - started}.count() * flags_.rate);
    for (; id < std::min(due, flags_.calls); ++id)
      begin(static_cast<std::size_t>(id) % brokers_.size(), draw(id));
    ask_for_peers();
    if (wake_.wait_for(lock, tick, [this] { return stopping_; })) return;
  }
  say("all begun");
}

void client::ask_for_peers() {
  if (clock::now() - peers_asked_ < peers_interval) return;
  peers_asked_ = clock::now();
  for (std::size_t i = 0; i < brokers_.size(); ++i)
    request_async(brokers_[i], caf::make_message(peers_atom::value),
                  [known = peers_[i]](caf::message& m) {
                    if (m.match_elements<std::vector<peer_info>>())
                      known->set(m.get_as<std::vector<peer_info>>(0));
                  });
}

planned_call client::draw(std::int64_t id) {
  auto below = [this](std::int64_t bound) {
    return std::uniform_int_distribution<std::int64_t>{0, bound - 1}(random_);
  };
  planned_call c{.id = id, .padding = std::string(padding(), 'x')};
  auto kind = below(10);
  if (kind < 3) {
    c.function = "chaos.hold";
    c.hold = 1 + below(40);
  } else if (kind < 6) {
    c.function = "chaos.quick";
  }
  if (!flags_.careful) return c;
  if (kind % 3 != 0)
    c.timeout = milliseconds{below(10) == 0 ? 50 + below(450) : 1000 + below(3000)};
  if (below(5) == 0)
    c.only = peers_[static_cast<std::size_t>(id) % brokers_.size()]->any(random_());
  return c;
}

// Most sizes are small. A few sizes take many packets and fill the buffers.
std::size_t client::padding() {
  auto kind = random_() % 100;
  return random_() % (kind < 90 ? 200 : kind < 99 ? 4000 : 60'000);
}

void client::begin(std::size_t broker, planned_call c) {
  call_request request{c.function, {{value{c.id}, value{c.padding}}, {}}, {}};
  if (c.function == "chaos.hold") request.args.positional.emplace_back(c.hold);
  if (c.timeout) request.timeout = to_value(std::chrono::duration<double>{*c.timeout});
  auto shared = std::make_shared<planned_call>(std::move(c));
  call_async(brokers_[broker], std::move(request), {.only = shared->only},
             [shared, began = clock::now()](const result<value>& r) {
               auto waited = std::chrono::duration_cast<milliseconds>(clock::now() - began).count();
               auto allowed = shared->timeout ? shared->timeout->count() : -1;
               say("e " + std::to_string(shared->id) + " " + ending_of(*shared, r) + " "
                   + std::to_string(waited) + " " + std::to_string(allowed));
             });
}

// Tries again until a call succeeds. A connection may still be stalled, or wait for its next dial;
// calls may fail then.
bool client::reaches_server(const tcp_broker_actor& broker, std::int64_t id) {
  const auto deadline = clock::now() + probe_patience;
  std::string why;
  while (clock::now() < deadline) {
    try {
      call_target target{"chaos.mark", {.timeout = std::chrono::seconds{1}}};
      return call<std::string>(broker, target, id, "probe").get() == std::to_string(id) + ":probe";
    } catch (const call_error& e) {
      why = to_string(e.why());
    }
  }
  std::cerr << "probe " << id << ": " << why << '\n';
  return false;
}

void client::probe() {
  int good = 0;
  for (std::size_t i = 0; i < brokers_.size(); ++i)
    good += reaches_server(brokers_[i], flags_.calls + static_cast<std::int64_t>(i));
  say("probed " + std::to_string(good) + " of " + std::to_string(brokers_.size()));
}

} // namespace

int run_client(const client_flags& flags) {
  client c{flags};
  for (std::string line; std::getline(std::cin, line);)
    if (line == "probe") c.probe();
  return 0;
}

} // namespace patio::chaos
