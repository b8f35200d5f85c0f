#include <patio/actors/service/service.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <variant>

#include <patio/actors/broker/owned_broker.hpp>
#include <patio/actors/broker/rabbitmq_broker.hpp>
#include <patio/actors/broker/redis_broker.hpp>
#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/pool/process_pool.hpp>
#include <patio/protocol/broker_url.hpp>

namespace patio {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw service_error{{errc::invalid, std::move(message), {}}};
}

/// Runs a step that starts threads. They must not get the signals that run() waits for.
template <class F>
decltype(auto) start(F step) {
  signals_blocked no_signals;
  try {
    return step();
  } catch (const std::logic_error& e) {
    refuse(e.what());
  } catch (const std::system_error& e) {
    refuse(e.what());
  }
}

/// The answer to a request, for one thread that waits for it or for a stop.
class awaited_answer {
public:
  void set(result<void> answer) {
    std::lock_guard lock{mutex_};
    answer_ = std::move(answer);
    changed_.notify_all();
  }
  [[nodiscard]] result<void> wait(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    if (changed_.wait(lock, stop, [this] { return answer_.has_value(); })) return *answer_;
    return fail(errc::shut_down, "the service has been stopped");
  }

private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<result<void>> answer_;
};

template <class Broker>
result<void> ask(const Broker& broker, caf::message question, const std::stop_token& stop) {
  auto answer = std::make_shared<awaited_answer>();
  request_async(broker, std::move(question), [answer](caf::message& m) {
    if (!m.match_elements<caf::error>()) return answer->set({});
    answer->set(tl::unexpected(from_caf(m.get_as<caf::error>(0))));
  });
  return answer->wait(stop);
}

bool is_url(std::string_view where) { return where.find("://") != std::string_view::npos; }

/// Returns whether a service stops waiting for its server at a URL. Its broker goes on dialling,
/// and connecting to it fails with each attempt, so the wait between them is the broker's.
bool ends_at(give_up when, const error& why) {
  if (why.code != errc::connect_failed && why.code != errc::login_refused) return true;
  return when == give_up::at_first_failure || (when == give_up::when_refused && is_refusal(why));
}

/// Adds what the person who starts the program may have to change.
error explained(std::string_view where, error why) {
  if (why.code != errc::login_refused) return why;
  auto text = std::string{where} + ": " + to_string(why);
  if (why.remedy == remedy::login && !is_url(where))
    text += " (does this service have the peer's key?)";
  return {errc::login_refused, std::move(text), {}, limit::none, {}, {}, why.remedy};
}

} // namespace

service_error::service_error(error why)
    : std::runtime_error{why.code == errc::shut_down ? to_string(why) : text_of(why)}, why_{
                                                                                         std::move(
                                                                                           why)} {}

class service::state {
public:
  explicit state(service_options options)
      : options_{std::move(options)}, functions_{options_.functions} {}

  [[nodiscard]] registry& functions() noexcept { return functions_; }
  [[nodiscard]] std::stop_source& stop() noexcept { return stop_; }

  /// The service has an address or a connection.
  void set_reachable() noexcept { is_reachable_ = true; }
  [[nodiscard]] bool is_reachable() const noexcept { return is_reachable_; }

  [[nodiscard]] caf::actor_system& system() {
    if (system_) return *system_;
    return start([this]() -> caf::actor_system& {
      config_.emplace();
      return system_.emplace(*config_);
    });
  }

  [[nodiscard]] broker_actor broker() {
    if (const auto* node = std::get_if<engine_node>(&node_)) return *node;
    return tcp();
  }

  [[nodiscard]] result<void> connect_to_peer(std::string_view where, connect_options options) {
    auto peer = parse_endpoint(where);
    if (!peer) return tl::unexpected(std::move(peer.error()));
    return ask(tcp(), caf::make_message(connect_atom::value, dial_target{*peer, options}),
               stop_.get_token());
  }

  [[nodiscard]] result<void> connect_to_engine(std::string_view url, give_up when) {
    const auto& node = engine(url);
    for (;;) {
      auto login = ask(node, caf::make_message(connect_atom::value), stop_.get_token());
      if (login || ends_at(when, login.error())) return login;
    }
  }

  /// Returns the broker for addresses, which is the one of a service without a URL.
  [[nodiscard]] const tcp_broker_actor& tcp() {
    if (std::holds_alternative<engine_node>(node_))
      refuse("this service meets its peers at " + url_
             + ": listen and connect with HOST:PORT in a second service");
    if (std::holds_alternative<std::monostate>(node_))
      node_ = start([this] { return tcp_node{spawn_tcp_broker(system(), pools(), for_tcp())}; });
    return std::get<tcp_node>(node_).get();
  }

  /// Returns the broker for a URL.
  [[nodiscard]] const engine_broker_actor& engine(std::string_view url) {
    auto parsed = parse_broker_url(url);
    if (!parsed) throw service_error{std::move(parsed.error())};
    if (!std::holds_alternative<std::monostate>(node_))
      refuse("this service has begun to listen, to connect or to call: connect another one to "
             + to_string(*parsed));
    if (!options_.key.empty() || !options_.keys.empty() || !options_.rules.empty())
      refuse("keys and rules are for peers at HOST:PORT: at " + to_string(*parsed)
             + ", the server's own users and permissions decide");
    node_ = start([&] { return engine_node{spawn_engine(parsed->scheme, url)}; });
    url_ = to_string(*parsed);
    return std::get<engine_node>(node_).get();
  }

  void run_in(const executors& pools) {
    if (!std::holds_alternative<std::monostate>(node_))
      refuse("run_in comes before listen, connect, run and broker");
    if (!pools.functions().shares_table(functions_))
      refuse("run_in takes executors of this service's functions: spawn them with functions()");
    pools_ = pools;
  }

  void run_in_processes(int argc, char** argv, const process_pool_options& options,
                        const worker_options& in_worker) {
    if (system_)
      refuse("run_in_processes comes before listen, connect, run, broker and system, because a "
             "worker process must not start threads first");
    run_if_worker(argc, argv, functions_, in_worker);
    processes_ = options;
  }

private:
  using tcp_node = owned_broker<tcp_broker_actor>;
  using engine_node = owned_broker<engine_broker_actor>;

  [[nodiscard]] executors pools() {
    if (pools_) return *pools_;
    if (functions_.size() == 0) return null_executor(functions_);
    if (processes_) return spawn_process_pool(system(), functions_, *processes_);
    return spawn_thread_pool(system(), functions_, {.workers = options_.workers});
  }

  [[nodiscard]] std::optional<tls_options> tls() const {
    const auto& f = options_.tls_files;
    if (f.authorities.empty() && f.certificate.empty() && f.private_key.empty())
      return options_.tls;
    auto read = read_tls_files(f);
    if (!read) throw service_error{std::move(read.error())};
    return std::move(*read);
  }

  [[nodiscard]] tcp_options for_tcp() const {
    return {.key = options_.key,
            .limits = options_.limits,
            .tls = tls(),
            .keys = options_.keys,
            .rules = options_.rules,
            .insecure_listen_to_all = options_.insecure_listen_to_all,
            .types = options_.types};
  }

  [[nodiscard]] engine_broker_actor spawn_engine(broker_scheme scheme, std::string_view url) {
    const auto& o = options_;
    if (scheme == broker_scheme::redis || scheme == broker_scheme::rediss)
      return spawn_redis_broker(system(), pools(),
                                {.url = url, .tls = tls(), .limits = o.limits, .types = o.types});
    return spawn_rabbitmq_broker(system(), pools(),
                                 {.url = url, .limits = o.limits, .tls = tls(), .types = o.types});
  }

  service_options options_;
  std::stop_source stop_;
  bool is_reachable_ = false;
  std::optional<system_config> config_;
  std::optional<caf::actor_system> system_;
  // The actors of the members below end before their system does.
  registry functions_;
  std::optional<executors> pools_;
  std::optional<process_pool_options> processes_;
  std::variant<std::monostate, tcp_node, engine_node> node_;
  std::string url_; ///< of the engine, without its password
};

service::service(service_options options) : state_{std::make_unique<state>(std::move(options))} {}
service::~service() = default;

registry& service::functions() noexcept { return state_->functions(); }
void service::run_in(const executors& pools) { state_->run_in(pools); }
void service::run_in_processes(int argc, char** argv, const process_pool_options& options,
                               const worker_options& in_worker) {
  state_->run_in_processes(argc, argv, options, in_worker);
}

endpoint service::listen(std::string_view where) {
  const auto& node = state_->tcp();
  auto bound = start([&] { return patio::listen(node, where); });
  if (!bound) throw service_error{std::move(bound.error())};
  state_->set_reachable();
  return *bound;
}

void service::connect(std::string_view where, connect_options options) {
  auto logged_in = is_url(where) ? state_->connect_to_engine(where, options.gives_up)
                                 : state_->connect_to_peer(where, options);
  if (!logged_in) throw service_error{explained(where, std::move(logged_in.error()))};
  state_->set_reachable();
}

void service::run() {
  auto node = state_->broker();
  if (!state_->is_reachable())
    refuse("nobody can reach this service: call listen or connect before run");
  try {
    wait_for_signal(state_->stop().get_token());
  } catch (const std::logic_error& e) {
    refuse(e.what());
  }
  shut_down(node);
}

void service::stop() noexcept { state_->stop().request_stop(); }

broker_actor service::broker() { return state_->broker(); }
caf::actor_system& service::system() { return state_->system(); }

} // namespace patio
