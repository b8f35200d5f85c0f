#include "broker_flags.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <patio/actors/broker/rabbitmq_broker.hpp>
#include <patio/actors/broker/redis_broker.hpp>
#include <patio/actors/os/tls_files.hpp>

namespace patio::apps {
namespace {

constexpr auto no_password =
  "anybody on this machine can read a password on a command line: put the URL into the environment "
  "variable PATIO_BROKER_URL, or into a file for --broker-file";

result<chosen_broker> parse(secret text, const std::string& source) {
  auto url = parse_broker_url(text.view());
  if (!url) return fail(errc::invalid, source + ": " + url.error().message);
  return chosen_broker{std::move(text), std::move(*url)};
}

secret take_from_environment() {
  char* text = std::getenv("PATIO_BROKER_URL");
  if (!text) return {};
  secret url{text};
  std::memset(text, 0, url.size()); // anybody who may inspect the process can read its environment
  return url;
}

result<chosen_broker> read_file(const std::string& path) {
  auto bytes = read_secret_file(path, 4096);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  auto text = bytes->view();
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return parse(secret{text}, path);
}

/// Returns RabbitMQ's options for each function.
rabbitmq_options rabbitmq_options_of(const queue_flags& flags) {
  rabbitmq_options options;
  options.serve.queue.durable = flags.durable;
  auto repeatable = options.serve;
  repeatable.on_redelivery = redelivery::at_least_once;
  for (const auto& name : flags.at_least_once) options.functions.insert_or_assign(name, repeatable);
  return options;
}

bool is_same_server(const broker_url& a, const broker_url& b) {
  return a.scheme == b.scheme && a.where == b.where && a.path == b.path;
}

} // namespace

void broker_flags::add(CLI::App& app) {
  auto* flag =
    app.add_option("--broker", url,
                   "URL of a Redis or RabbitMQ server through which peers meet, without a password "
                   "(default, unless another peer is named: PATIO_BROKER_URL)");
  flag->type_name("URL");
  app.add_option("--broker-file", file, "file with the URL, which may have a password")
    ->type_name("FILE")
    ->excludes(flag);
}

void queue_flags::add(CLI::App& app) {
  app.add_flag("--durable", durable,
               "at RabbitMQ: declare durable queues, as Python servers do with durable=True");
  app
    .add_option("--at-least-once", at_least_once,
                "at RabbitMQ: run the calls of this function again if their server was lost; may "
                "be repeated. Calls of other functions end as maybe_executed then")
    ->type_name("FUNCTION")
    ->allow_extra_args(false);
}

result<std::optional<chosen_broker>> load_broker(const broker_flags& flags,
                                                 bool allow_environment) {
  if (!flags.file.empty()) return read_file(flags.file);
  if (flags.url.empty() && !allow_environment) return std::nullopt;
  if (has_password(flags.url)) return fail(errc::invalid, std::string{"--broker: "} + no_password);
  auto text = take_from_environment();
  std::optional<chosen_broker> from_environment;
  if (!text.empty()) {
    auto parsed = parse(std::move(text), "PATIO_BROKER_URL");
    if (!parsed) return tl::unexpected(std::move(parsed.error()));
    from_environment = std::move(*parsed);
  }
  if (flags.url.empty()) return from_environment;
  auto chosen = parse(flags.url, "--broker");
  if (!chosen) return tl::unexpected(std::move(chosen.error()));
  if (!from_environment) return std::move(*chosen);
  if (!is_same_server(chosen->url, from_environment->url))
    return fail(errc::invalid, "--broker names " + to_string(chosen->url)
                                 + ", but PATIO_BROKER_URL names another server, "
                                 + to_string(from_environment->url));
  return from_environment;
}

result<engine_broker_actor> spawn_engine(caf::actor_system& sys, const executors& run_in,
                                         const chosen_broker& broker,
                                         std::optional<tls_options> tls, const limits& l,
                                         const queue_flags& queues) {
  try {
    switch (broker.url.scheme) {
    case broker_scheme::redis:
    case broker_scheme::rediss:
      if (queues.is_given())
        return fail(errc::invalid,
                    "--durable and --at-least-once are for RabbitMQ: Redis has no such queues, and "
                    "runs no call twice");
      return spawn_redis_broker(sys, run_in,
                                {.url = broker.text, .tls = std::move(tls), .limits = l});
    case broker_scheme::amqp:
    case broker_scheme::amqps: {
      auto options = rabbitmq_options_of(queues);
      options.url = broker.text;
      options.limits = l;
      options.tls = std::move(tls);
      return spawn_rabbitmq_broker(sys, run_in, std::move(options));
    }
    }
  } catch (const std::invalid_argument& e) {
    return fail(errc::invalid, e.what());
  }
  return fail(errc::invalid, "the URL has an unknown scheme");
}

result<void> wait_for_engine(const engine_broker_actor& broker, const broker_url& url,
                             std::chrono::nanoseconds timeout) {
  auto login = connected(broker);
  if (login.wait_for(timeout) != std::future_status::ready)
    return fail(errc::connect_failed, to_string(url) + ": no answer in time");
  auto outcome = login.get();
  if (!outcome) outcome.error().contexts.push_back(to_string(url));
  return outcome;
}

} // namespace patio::apps
