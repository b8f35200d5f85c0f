/// The shortest way to serve functions and to call them: one object owns the actor system, the
/// registry, the pool and the broker, and run() handles the signals.
///   patio::service svc{{.key = "secret"}};
///   svc.add("add", add);
///   svc.listen("127.0.0.1:15383");
///   svc.run();
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/os/tls_files.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>

namespace PATIO_API patio {

/// What a service throws: the text is for the person who has started the program. The layers below
/// return result<> instead.
class service_error : public std::runtime_error {
public:
  explicit service_error(error why);
  [[nodiscard]] const error& why() const noexcept { return why_; }

private:
  error why_;
};

struct service_options {
  /// The key that all peers share, 0 to 32 bytes. An empty key lets every peer in, unless there are
  /// `keys`. For addresses only: at a URL, its user and password log in.
  secret key = {};
  registry_options functions = {}; ///< how functions get their names; see registry
  /// Threads, and functions that run at the same time; see also run_in and run_in_processes.
  std::size_t workers = 4;
  patio::limits limits = {};
  /// TLS for all connections, by the paths of PEM files; see read_tls_files. Without a path,
  /// connections to addresses are not encrypted. More options are in `tls`, in place of the files.
  patio::tls_files tls_files = {};
  std::optional<tls_options> tls = {};
  /// Additional keys, and rules that say which peer may call which function. For addresses only.
  std::vector<named_key> keys = {};
  std::vector<access_rule> rules = {};
  /// Lets a service listen beyond this machine even if peers need neither a key nor a certificate.
  bool insecure_listen_to_all = false;
  /// Python classes in addition to the built-in types. All peers must know these classes.
  python_types types = {};
};

/// Owns what a program needs to serve functions and to call them. Construct it in main. Only stop()
/// and the calls through its broker may come from other threads.
///
/// Errors: the constructor succeeds. listen, connect, run, run_in, run_in_processes, broker and
/// system throw service_error. add throws as registry::add does. Calls end as patio::call says.
///
/// Threads: the actor system starts with the first of listen, connect, run, broker and system.
/// Functions run on `workers` threads of their own. The service's threads block all signals.
///
/// End: run() returns after SIGINT, SIGTERM, SIGHUP or stop(), once the service has drained: calls
/// in flight have ended, up to limits::drain_timeout. The destructor drains as well, and then waits
/// for functions that still run. Outside run(), signals do what the program has set for them: by
/// default SIGINT ends the program at once, for example while connect() waits for a peer.
class service {
public:
  explicit service(service_options options = {});
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// @{ Adds a function, as registry::add does. Functions come before listen, connect and run.
  template <detail::plain_function F>
  std::string add(std::string name, F f, function_options options = {}) {
    return functions().add(std::move(name), std::move(f), std::move(options));
  }
  template <class T, class... More>
    requires(!detail::plain_function<T>)
  std::string add(std::string name, T target, More... more) {
    return functions().add(std::move(name), std::move(target), std::move(more)...);
  }
  template <auto Function>
  std::string add(function_options options = {}) {
    return functions().add<Function>(std::move(options));
  }
  template <auto Function>
  std::string add(std::string name, function_options options = {}) {
    return functions().add<Function>(std::move(name), std::move(options));
  }
  /// @}
  [[nodiscard]] registry& functions() noexcept;

  /// Runs the functions in these executors, which must serve functions(), in place of the threads
  /// of the service. Comes before listen, connect and run.
  void run_in(const executors& pools);
  /// Runs the functions in worker processes; see spawn_process_pool. Call this in main after the
  /// functions have been added, and before everything else: each worker starts the program again,
  /// and in a worker this call serves the functions and does not return.
  void run_in_processes(int argc, char** argv, const process_pool_options& options = {},
                        const worker_options& in_worker = {});

  /// Lets peers dial "HOST:PORT", and returns the address with the actual port; see patio::listen.
  endpoint listen(std::string_view where);
  /// Waits until the service is connected to a peer at "HOST:PORT", or to a Redis or RabbitMQ
  /// server at a URL: redis://, rediss://, amqp:// or amqps://. Dials a lost peer or server again.
  /// By default waits for a peer that has not started yet, and throws if the login is refused. A
  /// service has either peers at addresses or one server at a URL.
  void connect(std::string_view where, connect_options options = {});

  /// Waits for SIGINT, SIGTERM, SIGHUP or stop(), and drains the service. In a process, one
  /// service at a time can run.
  void run();
  /// Makes run() and connect() return, now or when they are called. Any thread may call this.
  void stop() noexcept;

  /// For everything else. What takes a broker, such as patio::call, also takes the service.
  [[nodiscard]] broker_actor broker();
  operator broker_actor() { return broker(); }
  [[nodiscard]] caf::actor_system& system();

private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace patio
