#include "certificate_folder.hpp"
#include "rabbitmq_server.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

// TLS to a real RabbitMQ that demands certificates.
namespace {

result<void> connect_with(const std::string& url, std::optional<tls_options> tls) {
  log_capture quiet;
  system_config config;
  caf::actor_system sys{config};
  owned_broker node{
    spawn_rabbitmq_broker(sys, null_executor(), {.url = url, .tls = std::move(tls)})};
  return ended(ready(node, {.until_connected = false}));
}

} // namespace

TEST_CASE(
  "rabbitmq: amqps connects with certificates, and refuses a server that nobody vouches for") {
  certificate_folder certificates;
  rabbitmq_server rabbit{{"listeners.ssl.1 = 127.0.0.1:TLS_PORT",
                          "ssl_options.cacertfile = " + certificates / "authority.pem",
                          "ssl_options.certfile = " + certificates / "server.pem",
                          "ssl_options.keyfile = " + certificates / "server.key",
                          "ssl_options.verify = verify_peer",
                          "ssl_options.fail_if_no_peer_cert = true"}};
  auto at = "127.0.0.1:" + std::to_string(rabbit.tls_port()) + "/";
  auto own = read_tls_files({.authorities = certificates / "authority.pem",
                             .certificate = certificates / "alice.pem",
                             .private_key = certificates / "alice.key"});
  REQUIRE(own);
  auto connected = connect_with("amqps://guest:guest@" + at, *own);
  CHECK_MESSAGE(connected, text_of(connected.error()));

  auto stranger = connect_with("amqps://guest:guest@" + at, {}); // trusts the system's authorities
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().code == errc::login_refused);
  CHECK(stranger.error().remedy == remedy::certificates);

  auto plain = connect_with("amqp://guest:guest@" + at, {});
  REQUIRE_FALSE(plain);
  CHECK(plain.error().code == errc::login_refused);

  auto to_plain_port =
    connect_with("amqps://guest:guest@127.0.0.1:" + std::to_string(rabbit.port()) + "/", *own);
  REQUIRE_FALSE(to_plain_port);
  CHECK(to_plain_port.error().remedy == remedy::tls);
}
