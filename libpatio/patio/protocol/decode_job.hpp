/// Decodes the payload of one frame. A session decodes a small payload at once. It hands a large
/// payload to its owner, because decoding may take tens of milliseconds and must not delay other
/// work.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <patio/protocol/frame.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

struct session_options;

class decode_job {
public:
  decode_job(const frame_header& header, const session_options& options) noexcept
      : header_{header}, options_{&options} {}
  decode_job(const frame_header& header, std::shared_ptr<const session_options> options,
             frame_reader::payload payload) noexcept
      : header_{header}, options_{options.get()},
        kept_options_{std::move(options)}, payload_{std::move(payload)} {}

  /// Decodes the job's own payload. Call this once, on any thread.
  void run() noexcept;
  /// Call this instead of `run` to refuse a request, for example because this node is overloaded.
  /// The caller gets `why` as its answer.
  void refuse(error why) noexcept {
    decoded_.emplace<request>().call = tl::unexpected(std::move(why));
  }

  /// Returns to the job a call that the session's owner has refused, so that the call is destroyed
  /// together with the job.
  void give_back(call_request&& call) {
    if (auto* own = std::get_if<request>(&decoded_)) own->call = std::move(call);
  }

  [[nodiscard]] bool is_request() const noexcept { return header_.type == packet::request; }
  [[nodiscard]] bool is_answer() const noexcept {
    return header_.type == packet::response || header_.type == packet::error;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return header_.size; }

private:
  friend class session;
  struct request {
    result<call_request> call;
    std::size_t bytes = 0; ///< approximate memory use of the arguments
  };

  struct served_names {
    result<value> list; ///< as received
    result<std::vector<std::string>> names = {};
    bool some_too_long = false; ///< `names` lacks the names over the limit
  };

  void run(std::string_view payload);
  void to_names(served_names& of) const;

  frame_header header_;
  const session_options* options_;
  /// Keeps the options alive for a job that may outlive its session.
  std::shared_ptr<const session_options> kept_options_;
  frame_reader::payload payload_;
  /// The session moves accepted data out of the job. Refused data stays here.
  std::variant<std::monostate, request, served_names, result<value>> decoded_;
};

} // namespace patio::protocol
