/// The login at RabbitMQ that a URL describes.
#pragma once

#include <patio/amqp/connection.hpp>
#include <patio/protocol/broker_url.hpp>

namespace patio::amqp {

/// Takes user, password, virtual host and the parameter `heartbeat` (seconds) from the URL. As in
/// the Python plugin, user and password are "guest" and the virtual host is "/" if the URL has
/// none. Fails with errc::invalid, also for other parameters.
[[nodiscard]] result<connection_options> connection_options_of(const broker_url& url);

} // namespace patio::amqp
