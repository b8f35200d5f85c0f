/// A node that passes its events to a handler after each call, as every owner does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <patio/mesh/node.hpp>

class driven_node : public patio::mesh::node {
public:
  using handler = std::function<void(patio::mesh::node_event&&)>;

  driven_node(patio::mesh::node_options options, patio::registry functions, handler handle)
      : node{std::move(options), std::move(functions)}, handle_{std::move(handle)} {}

  [[nodiscard]] patio::result<void> admit() {
    auto admitted = node::admit();
    handle_events();
    return admitted;
  }
  patio::connection_id open(patio::role side, std::string address, std::string nonce,
                            patio::instant now, std::unique_ptr<patio::tls::engine> tls = nullptr) {
    auto id = node::open(side, std::move(address), std::move(nonce), now, std::move(tls));
    handle_events();
    return id;
  }
  void receive(patio::connection_id id, std::string_view bytes, patio::instant now) {
    for (bool more = node::receive(id, bytes, now); more; more = node::next(id)) handle_events();
    handle_events();
  }
  void decoded(patio::connection_id id, patio::protocol::decode_job& job, patio::instant now) {
    for (bool more = node::decoded(id, job, now); more; more = node::next(id)) handle_events();
    handle_events();
  }
  void close(patio::connection_id id, patio::error why, std::uint64_t sent) {
    node::close(id, std::move(why), sent);
    handle_events();
  }
  void close_at_end(patio::connection_id id, std::uint64_t sent) {
    node::close_at_end(id, sent);
    handle_events();
  }
  patio::mesh::call_id call(std::uint64_t token, patio::call_request request, patio::instant now,
                            std::optional<patio::connection_id> only = {}) {
    auto id = node::call(token, std::move(request), now, only);
    handle_events();
    return id;
  }
  void cancel(patio::mesh::call_id id) {
    node::cancel(id);
    handle_events();
  }
  void answer(const patio::mesh::inbound_id& id, const patio::result<patio::value>& r) {
    node::answer(id, r);
    handle_events();
  }
  void answer_pickled(const patio::mesh::inbound_id& id,
                      const patio::result<std::string>& pickled) {
    node::answer_pickled(id, pickled);
    handle_events();
  }
  bool ask(patio::connection_id id, std::uint64_t token, const patio::mesh::question& q) {
    bool is_asked = node::ask(id, token, q);
    handle_events();
    return is_asked;
  }
  void tick(patio::instant now) {
    node::tick(now);
    handle_events();
  }
  void go_away() {
    node::go_away();
    handle_events();
  }
  void shut_down(const patio::error& why) {
    node::shut_down(why);
    handle_events();
  }

  [[nodiscard]] std::vector<patio::connection_id> take_dirty() {
    std::vector<patio::connection_id> ids;
    node::take_dirty(ids);
    return ids;
  }
  /// Returns the pending output of the connection. The caller clears the part it has consumed.
  [[nodiscard]] std::string& output(patio::connection_id id) {
    std::string bytes;
    node::take_output(id, bytes);
    return outputs_[id] += bytes;
  }
  [[nodiscard]] std::string take_output(patio::connection_id id) {
    return std::exchange(output(id), {});
  }

private:
  // A handler may call the node again. New events are queued behind the pending events.
  void handle_events() {
    if (std::exchange(is_handling_, true)) return;
    std::vector<patio::mesh::node_event> events;
    for (take_events(events); !events.empty(); take_events(events)) {
      for (auto& event : events) handle_(std::move(event));
      events.clear();
    }
    is_handling_ = false;
  }

  handler handle_;
  std::map<patio::connection_id, std::string> outputs_;
  bool is_handling_ = false;
};

/// Combines several lambdas into one visitor.
template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;
