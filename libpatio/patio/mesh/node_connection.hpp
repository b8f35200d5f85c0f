/// One connection and one call as a node keeps them. Internal: for node*.cpp only.
#pragma once

#include <algorithm>
#include <functional>

#include <patio/base/backoff.hpp>
#include <patio/mesh/node.hpp>

namespace patio::mesh {

class node::connection final : public protocol::session_events {
public:
  connection(node& owner, connection_id number, role ours, std::string where, std::string nonce,
             std::unique_ptr<tls::engine> engine)
      : id{number}, side{ours}, address{std::move(where)}, session{ours, owner.session_options_,
                                                                   std::move(nonce), *this},
        tls{std::move(engine)}, owner_{owner} {}

  void receive(std::string_view bytes);
  /// At the end of the stream, of which nothing comes any more; what came before is still decoded.
  void end(error why);
  /// For the socket; with TLS, what the session has put out is encrypted by this.
  [[nodiscard]] std::string& output();
  [[nodiscard]] bool has_output() {
    return tls ? !tls->output().empty() || (tls->is_open() && !session.output().empty())
               : !session.output().empty();
  }

  void on_ready() override {
    owner_.logging_in_.erase(id);
    owner_.router_.serve(id, names);
    owner_.events_.on_peer(info());
    if (session.state() != protocol::session::state::ready) return;
    if (owner_.leaving_) session.leave();
    owner_.schedule(after(owner_.now_, owner_.options_.limits.probe_interval),
                    {due::kind::refresh, 0, id});
    owner_.serve(*this);
  }
  void on_names(std::vector<std::string> served) override {
    names = std::move(served);
    missed_refreshes = 0;
    owner_.choose_or_avoid(*this);
    // While discovering, the session may not be sent requests yet: on_ready follows.
    if (session.state() == protocol::session::state::ready && !session.peer_is_leaving())
      owner_.serve(*this);
  }
  void on_request(protocol::request_id request, call_request&& call) override {
    owner_.execute(*this, request, std::move(call));
  }
  void on_decode(std::unique_ptr<protocol::decode_job> job) override {
    owner_.events_.on_decode(id, std::move(job));
  }
  void on_cancel(protocol::request_id request) override {
    owner_.answer({id, request}, patio::fail(errc::cancelled, "its caller gave it up"));
  }
  void on_leaving() override { owner_.router_.remove(id); }
  void on_result(std::uint64_t token, result<value> r) override {
    // Whoever calls again when a call is lost must not be sent here again.
    if (session.state() == protocol::session::state::closed) owner_.router_.remove(id);
    else owner_.judge(*this, r);
    owner_.finish(static_cast<std::uint32_t>(token), std::move(r));
  }
  void on_pong(std::uint64_t token) override { owner_.events_.on_pong(token); }
  void on_lost_ping(std::uint64_t token, error why) override {
    owner_.events_.on_finished(token, tl::unexpected(std::move(why)));
  }
  void on_refused(error why) override { owner_.refused(*this, std::move(why)); }
  void on_close(error why) override {
    owner_.count(why);
    owner_.forget(id);
    owner_.events_.on_closed(id, why);
  }
  [[nodiscard]] peer_info info() const {
    return {id, address, side, names, session.outbound(), session.inbound(), session.proved()};
  }

  const connection_id id;
  const role side;
  const std::string address;
  std::vector<std::string> names;
  patio::protocol::session session;
  std::unique_ptr<tls::engine> tls;   ///< none for a connection in the clear
  std::function<void()> when_decoded; ///< the end of the stream, behind what is being decoded
  bool dirty = false;
  bool congested = false;
  std::size_t heard = 0;         ///< bytes since the last refresh was due
  unsigned missed_refreshes = 0; ///< in a row
  unsigned failures = 0;         ///< calls in a row that it refused or let time out
  bool penalized = false;        ///< for those
  std::uint64_t penalties = 0;
  backoff penalty{{std::chrono::seconds{2}, std::chrono::seconds{30}}, id};
  std::shared_ptr<std::atomic<std::size_t>> held =
    std::make_shared<std::atomic<std::size_t>>(0); ///< its part of the node's sum

private:
  node& owner_;
};

/// Stands in each function that may run a session's: connections closed from within it must not die
/// before it ends.
class node::visit {
public:
  explicit visit(node& n) : node_{n} {
    if (node_.visits_++ == 0) node_.gone_.clear();
  }
  ~visit() { --node_.visits_; }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

private:
  node& node_;
};

/// A call of ours. The request itself is kept only while it waits for a peer.
struct node::slot {
  enum class place : std::uint8_t { nowhere, waiting, sent } where = place::nowhere;
  bool timed = false;       ///< one of its entries among the deadlines is for its own
  std::uint8_t entries = 0; ///< there, for its own and for the end of its wait for a route
  std::uint32_t generation = 1;
  std::uint32_t serial = 0;
  connection_id at = 0;
  std::uint64_t token = 0;
  std::uint64_t order = 0; ///< among those that wait for the same name
  instant deadline = never;
  std::optional<connection_id> only;
  std::unique_ptr<call_request> request;
};

} // namespace patio::mesh
