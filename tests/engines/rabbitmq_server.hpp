/// A real RabbitMQ of the test's own, a C++ node at it, and a Python peer with patio-rabbitmq.
#pragma once

#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nodes.hpp"
#include "process.hpp"

namespace patio::tests {

/// A resource: its destructor ends the server and removes its files.
class rabbitmq_server {
public:
  explicit rabbitmq_server(const std::vector<std::string>& config = {}, std::uint16_t port = 0)
      : child_{command(config), {{"PATIO_RABBITMQ_PORT", port > 0 ? std::to_string(port) : ""}}} {
    auto line = child_.output_lines().line(std::chrono::seconds{200});
    REQUIRE(line);
    std::istringstream words{*line};
    std::string ready, folder;
    words >> ready >> port_ >> pid_ >> folder >> tls_port_;
    REQUIRE_MESSAGE(ready == "ready", *line);
  }
  ~rabbitmq_server() {
    child_.close_input();
    (void)child_.wait();
  }
  rabbitmq_server(const rabbitmq_server&) = delete;
  rabbitmq_server& operator=(const rabbitmq_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// What TLS_PORT in a line of the configuration stands for.
  [[nodiscard]] std::uint16_t tls_port() const noexcept { return tls_port_; }
  [[nodiscard]] std::string url() const {
    return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_) + "/";
  }
  void kill() const { ::kill(pid_, SIGKILL); }

private:
  static std::vector<std::string> command(const std::vector<std::string>& config) {
    std::vector<std::string> words{"sh", PATIO_TEST_SOURCES "/engines/rabbitmq.sh"};
    words.insert(words.end(), config.begin(), config.end());
    return words;
  }

  process child_;
  std::uint16_t port_ = 0, tls_port_ = 0;
  pid_t pid_ = 0;
};

/// The server that tests share that do not harm it.
inline rabbitmq_server& shared_rabbitmq() {
  static rabbitmq_server server{{"max_message_size = 1048576"}};
  return server;
}

class rabbitmq_node {
public:
  explicit rabbitmq_node(const rabbitmq_server& server, const registry& functions = registry{},
                         rabbitmq_options options = {})
      : broker_{spawn(server, functions, std::move(options))} {
    auto first = ended(ready(broker_));
    REQUIRE_MESSAGE(first, text_of(first.error()));
  }

  [[nodiscard]] const rabbitmq_broker_actor& broker() const noexcept { return broker_; }

private:
  rabbitmq_broker_actor spawn(const rabbitmq_server& server, const registry& functions,
                              rabbitmq_options options) {
    options.url = server.url();
    return spawn_rabbitmq_broker(system_, spawn_thread_pool(system_, functions, {.workers = 8}),
                                 std::move(options));
  }

  system_config config_;
  caf::actor_system system_{config_};
  rabbitmq_broker_actor broker_;
  owned_broker<rabbitmq_broker_actor> owner_{broker_};
};

/// Runs engines/rabbitmq_peer.py.
class rabbitmq_peer {
public:
  /// The functions are mul, echo, div, house and never, each behind `prefix`.
  explicit rabbitmq_peer(const rabbitmq_server& server, const std::string& prefix = "",
                         std::vector<std::string> flags = {})
      : child_{command(server, prefix, std::move(flags))} {
    (void)child_.await("serving");
  }
  [[nodiscard]] nlohmann::json call(const std::string& name, const std::string& args,
                                    double timeout = 20, int times = 1) {
    return ask({{"call", name}, {"args", args}, {"timeout", timeout}, {"times", times}});
  }
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& command) {
    child_.write_line(command.dump());
    auto line = child_.read_line();
    REQUIRE(line);
    return nlohmann::json::parse(*line);
  }
  [[nodiscard]] process& child() noexcept { return child_; }

private:
  static std::vector<std::string> command(const rabbitmq_server& server, const std::string& prefix,
                                          std::vector<std::string> flags) {
    std::vector<std::string> words{python(), PATIO_TEST_SOURCES "/engines/rabbitmq_peer.py",
                                   server.url(), prefix};
    words.insert(words.end(), flags.begin(), flags.end());
    return words;
  }
  process child_;
};

/// mul, echo and house, each behind `prefix`.
inline registry engine_functions(const std::string& prefix) {
  registry rpc;
  rpc.add(prefix + "mul", [](args all) {
    std::int64_t product = 1;
    for (const auto& v : all) product *= v.as_int64().value();
    return product;
  });
  rpc.add(prefix + "echo", [](value v) { return v; });
  rpc.add(prefix + "house", [](std::string text) -> std::int64_t {
    throw python_error{"ValueError", {text, 7}};
  });
  rpc.add(prefix + "large",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
  return rpc;
}

} // namespace patio::tests
