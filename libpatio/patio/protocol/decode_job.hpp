/// One frame's payload on its way to what it means. A session decodes small ones as they come, and
/// has its owner decode large ones, which may take tens of milliseconds, where nobody else has to
/// wait for it.
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

  /// Decodes the job's own payload, once, on any thread. The job may be given back, or destroyed,
  /// on another.
  void run() noexcept;
  /// In place of `run`, for a request only: its caller is told that this node is overloaded.
  void refuse(error why) noexcept {
    decoded_.emplace<request>().call = tl::unexpected(std::move(why));
  }

  /// Gives back a call that the session had taken and its owner refused, to be destroyed with the
  /// job.
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
    std::size_t bytes = 0; ///< that its arguments take, about
  };

  struct served_names {
    result<value> list; ///< as it came
    result<std::vector<std::string>> names = {};
    bool some_too_long = false; ///< and left out
  };

  void run(std::string_view payload);
  void to_names(served_names& of) const;

  frame_header header_;
  const session_options* options_;
  std::shared_ptr<const session_options>
    kept_options_; ///< of a job that its session may not outlive
  frame_reader::payload payload_;
  std::variant<std::monostate, request, served_names, result<value>>
    decoded_; ///< what is taken of it is moved away, what is refused stays
};

} // namespace patio::protocol
