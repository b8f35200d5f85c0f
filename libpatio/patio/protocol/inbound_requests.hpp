/// Requests from the peer that wait for our answers. A request counts as running from its arrival
/// to its answer, even while its function is still queued. One session owns the table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include <patio/base/queue_place.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/value/call_request.hpp>

namespace patio::protocol {

class inbound_requests {
public:
  /// Returns the reason to refuse this request, or nothing if the request is acceptable.
  [[nodiscard]] std::optional<error> refusal(const call_request& call, const limits& bounds) const;
  request_id add(std::uint32_t serial);
  /// Keeps `held` alive until the request has been answered. The request then leaves its place.
  void hold(request_id id, std::shared_ptr<queue_place> held);
  /// Removes a request. The caller writes the answer and then stops the returned source. Returns
  /// nothing if the request has already been answered.
  [[nodiscard]] std::optional<std::stop_source> take(request_id id);
  /// Stops and removes all requests.
  void stop_all();

  [[nodiscard]] bool contains(std::uint32_t serial) const { return running_.contains(serial); }
  [[nodiscard]] bool is_running(request_id id) const { return find(id) != nullptr; }
  [[nodiscard]] std::optional<request_id> id_of(std::uint32_t serial) const;
  /// Returns a token that stops when the request has been answered, or when the connection is lost.
  [[nodiscard]] std::stop_token stop_token(request_id id);
  [[nodiscard]] std::size_t size() const noexcept { return running_.size(); }

private:
  struct request {
    std::uint64_t number = 0;
    std::shared_ptr<queue_place> held = {};
    std::stop_source stop{std::nostopstate}; ///< created by the first call of stop_token
  };
  using table = std::unordered_map<std::uint32_t, request>;
  [[nodiscard]] const request* find(request_id id) const;

  table running_;
  std::vector<table::node_type> spare_; ///< entries of answered requests, to save allocations
  std::uint64_t last_number_ = 0;
};

} // namespace patio::protocol
