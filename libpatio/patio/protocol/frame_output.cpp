#include <patio/protocol/frame_output.hpp>

#include <algorithm>

#include <patio/pickle/pickle.hpp>
#include <patio/value/repr.hpp>

namespace patio::protocol {

void frame_output::put(packet type, std::uint32_t serial, std::string_view payload) {
  // Without memory, nothing is written.
  bytes_.reserve(bytes_.size() + frame_header::size_on_wire + payload.size());
  frame_writer w{bytes_, type, serial};
  bytes_ += payload;
  (void)w.close(std::string::npos);
}

result<void> frame_output::put_request(std::uint32_t serial, const call_request& call) {
  auto longest = options_->limits.frame_bytes;
  frame_writer w{bytes_, packet::request, serial};
  auto written = write_call_request(call, bytes_, options_->types, longest);
  if (written && w.close(longest)) return {};
  w.discard();
  if (written.error().exceeded == limit::frame_bytes)
    written.error().message =
      "the arguments are over the frame limit of " + std::to_string(longest) + " bytes";
  return tl::unexpected(std::move(written.error()));
}

void frame_output::put_result(std::uint32_t serial, const value& v) {
  frame_writer w{bytes_, packet::response, serial};
  auto written = write_pickle(v, bytes_, options_->types, options_->limits.frame_bytes);
  if (written && w.close(options_->limits.frame_bytes)) return;
  w.discard();
  put_unsendable(serial, written.error());
}

void frame_output::put_unsendable(std::uint32_t serial, const error& why) {
  auto reason = why.exceeded == limit::frame_bytes ? "it is over the frame limit" : text_of(why);
  put_error(serial,
            remote_error(value::exception("builtins.ValueError",
                                          {"the result cannot be sent: " + std::move(reason)})),
            false);
}

void frame_output::put_error(std::uint32_t serial, const error& why, bool with_ending) {
  auto exception = with_ending ? to_noted_exception(why) : to_exception(why);
  frame_writer w{bytes_, packet::error, serial};
  auto written = write_pickle(exception, bytes_, options_->types, options_->limits.frame_bytes);
  if (written && w.close(options_->limits.frame_bytes)) return;
  w.discard();
  // The exception is too large, or has a text that is not UTF-8. repr() shows such bytes as
  // escapes.
  std::string plain;
  (void)write_pickle(value::exception("builtins.RuntimeError", {brief(exception)}), plain);
  put(packet::error, serial, plain);
}

// Moves the remaining frames in place, because the session may be out of memory.
void frame_output::withdraw_requests() {
  std::size_t kept = 0;
  for (std::string_view rest = bytes_; rest.size() >= frame_header::size_on_wire;) {
    auto header = read_header(rest);
    auto frame = rest.substr(0, frame_header::size_on_wire + header.size);
    rest.remove_prefix(frame.size());
    if (header.type == packet::request || header.type == packet::cancel) continue;
    std::copy(frame.begin(), frame.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(kept));
    kept += frame.size();
  }
  bytes_.resize(kept);
}

} // namespace patio::protocol
