#include <patio/redis/resp.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace patio::redis {
namespace {

tl::unexpected<error> wrong(const std::string& why) {
  return fail(errc::protocol, "the server does not speak RESP2: " + why);
}

std::optional<std::int64_t> number_of(std::string_view digits) {
  std::int64_t n = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return {};
  return n;
}

void append_length(std::string& out, char mark, std::size_t n) {
  char digits[24];
  auto [end, ec] = std::to_chars(digits, digits + sizeof digits, n);
  out += mark;
  out.append(digits, end);
  out += "\r\n";
}

} // namespace

result<void> resp_reader::read(std::string_view bytes, std::vector<resp>& replies) {
  while (!bytes.empty()) {
    result<void> ok;
    if (state_ == state::line) ok = read_line(bytes, replies);
    else if (state_ == state::bulk) read_bulk(bytes);
    else ok = read_bulk_end(bytes, replies);
    if (!ok) return ok;
  }
  return {};
}

result<void> resp_reader::read_line(std::string_view& bytes, std::vector<resp>& replies) {
  auto end = bytes.find('\n');
  auto part = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
  if (line_.size() + part.size() > limits_.line_bytes)
    return wrong("a line has more than " + std::to_string(limits_.line_bytes) + " bytes");
  line_ += part;
  bytes.remove_prefix(part.size());
  if (end == std::string_view::npos) return {};
  auto ok = end_line(replies);
  line_.clear();
  return ok;
}

result<void> resp_reader::end_line(std::vector<resp>& replies) {
  if (!line_.ends_with("\r\n") || line_.size() < 3) return wrong("a line is empty or lacks a CR");
  auto rest = std::string_view{line_}.substr(1, line_.size() - 3);
  switch (line_.front()) {
  case '+': return complete({resp::type::text, std::string{rest}}, replies);
  case '-': return complete({resp::type::error, std::string{rest}}, replies);
  case ':': {
    auto n = number_of(rest);
    if (!n) return wrong("an integer is not a decimal number of 64 bits");
    return complete({resp::type::integer, {}, *n}, replies);
  }
  case '$': return begin_bulk(rest, replies);
  case '*': return begin_array(rest, replies);
  default:
    return wrong("a reply begins with byte "
                 + std::to_string(static_cast<unsigned char>(line_.front())));
  }
}

// A bulk above the limit is skipped, so that the connection and its other replies go on.
result<void> resp_reader::begin_bulk(std::string_view digits, std::vector<resp>& replies) {
  auto n = number_of(digits);
  if (n && *n == -1) return complete({}, replies);
  if (!n || *n < 0) return wrong("the length of a bulk string is not a number");
  auto length = static_cast<std::size_t>(*n);
  if (length > limits_.skipped_bytes)
    return fail(errc::protocol, limit::skipped_frame_bytes,
                "the server sends a bulk string of " + std::to_string(length) + " bytes");
  bulk_ = {resp::type::bulk};
  if (length > limits_.reply_bytes - std::min(held_, limits_.reply_bytes))
    bulk_.skipped_bytes = length;
  else held_ += length;
  left_ = length > 0 ? length : 2;
  state_ = length > 0 ? state::bulk : state::bulk_end;
  return {};
}

result<void> resp_reader::begin_array(std::string_view digits, std::vector<resp>& replies) {
  auto n = number_of(digits);
  if (!n || *n < -1) return wrong("the length of an array is not a number");
  if (*n <= 0) return complete({*n == 0 ? resp::type::array : resp::type::null}, replies);
  if (static_cast<std::size_t>(*n) > limits_.items - std::min(items_, limits_.items))
    return wrong("an array has more than " + std::to_string(limits_.items) + " items");
  if (arrays_.size() >= limits_.depth) return wrong("arrays are nested too deep");
  items_ += static_cast<std::size_t>(*n);
  arrays_.push_back({{resp::type::array}, static_cast<std::size_t>(*n)});
  return {};
}

void resp_reader::read_bulk(std::string_view& bytes) {
  auto part = bytes.substr(0, left_);
  if (bulk_.skipped_bytes == 0) bulk_.text += part;
  left_ -= part.size();
  bytes.remove_prefix(part.size());
  if (left_ > 0) return;
  left_ = 2;
  state_ = state::bulk_end;
}

result<void> resp_reader::read_bulk_end(std::string_view& bytes, std::vector<resp>& replies) {
  if (bytes.front() != "\n\r"[left_ - 1]) return wrong("a bulk string does not end with CR LF");
  bytes.remove_prefix(1);
  if (--left_ > 0) return {};
  state_ = state::line;
  return complete(std::move(bulk_), replies);
}

// begin_bulk() has counted the text of a bulk.
result<void> resp_reader::complete(resp done, std::vector<resp>& replies) {
  if (done.kind == resp::type::text || done.kind == resp::type::error) held_ += done.text.size();
  if (!arrays_.empty() && held_ > limits_.reply_bytes)
    return wrong("a reply has more than " + std::to_string(limits_.reply_bytes) + " bytes");
  while (!arrays_.empty()) {
    auto& open = arrays_.back();
    open.array.items.push_back(std::move(done));
    if (--open.missing > 0) return {};
    done = std::move(open.array);
    arrays_.pop_back();
  }
  held_ = items_ = 0;
  replies.push_back(std::move(done));
  return {};
}

void append_command(std::string& out, std::span<const std::string_view> parts) {
  append_length(out, '*', parts.size());
  for (auto part : parts) {
    append_length(out, '$', part.size());
    out += part;
    out += "\r\n";
  }
}

} // namespace patio::redis
