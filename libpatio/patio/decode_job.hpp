/// One frame's payload on its way to what it means. A session decodes small ones as they come, and has its owner decode large
/// ones, which may take tens of milliseconds, where nobody else has to wait for it.
#pragma once

#include <memory>
#include <variant>

#include <patio/call_request.hpp>
#include <patio/error.hpp>
#include <patio/frame.hpp>
#include <patio/limits.hpp>

namespace patio {

struct session_options;

class decode_job {
public:
  decode_job(const frame_header& header, const session_options& options) noexcept : header_{header}, options_{&options} {}
  decode_job(const frame_header& header, std::shared_ptr<const session_options> options, frame_reader::payload payload) noexcept
      : header_{header}, options_{options.get()}, kept_options_{std::move(options)}, payload_{std::move(payload)} {}

  /// Decodes the job's own payload, once, on any thread. The job may be given back, or destroyed, on another.
  void run() noexcept;

private:
  friend class session;
  struct request {
    result<call_request> call;
    std::size_t bytes = 0; ///< that its arguments take, about
  };

  void run(std::string_view payload);

  frame_header header_;
  const session_options* options_;
  std::shared_ptr<const session_options> kept_options_; ///< of a job that its session may not outlive
  frame_reader::payload payload_;
  std::variant<std::monostate, request, result<value>> decoded_; ///< what is taken of it is moved away, what is refused stays
};

} // namespace patio
