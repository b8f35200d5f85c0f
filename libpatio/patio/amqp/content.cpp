#include <patio/amqp/content.hpp>

namespace patio::amqp {
namespace {

/// Passes each property in the order of the wire, with its flag.
void visit(auto& p, auto&& each) {
  each(0x8000, p.content_type);
  each(0x4000, p.content_encoding);
  each(0x2000, p.headers);
  each(0x1000, p.delivery_mode);
  each(0x0800, p.priority);
  each(0x0400, p.correlation_id);
  each(0x0200, p.reply_to);
  each(0x0100, p.expiration);
  each(0x0080, p.message_id);
  each(0x0040, p.timestamp);
  each(0x0020, p.type);
  each(0x0010, p.user_id);
  each(0x0008, p.app_id);
  each(0x0004, p.cluster_id);
}

constexpr unsigned headers_flag = 0x2000;

struct property_output {
  std::string& out;
  template <class T>
  void operator()(unsigned flag, const std::optional<T>& property) const {
    if (!property) return;
    if constexpr (!std::is_same_v<T, std::string_view>) put_number(out, *property);
    else if (flag == headers_flag) put_long_string(out, *property);
    else put_short_string(out, *property);
  }
};

struct property_input {
  byte_reader& in;
  unsigned flags;
  template <class T>
  void operator()(unsigned flag, std::optional<T>& property) const {
    if ((flags & flag) == 0) return;
    if constexpr (!std::is_same_v<T, std::string_view>) property = in.template number<T>();
    else property = flag == headers_flag ? in.long_string() : in.short_string();
  }
};

} // namespace

result<content_header> read_content_header(std::string_view payload) {
  byte_reader in{payload};
  auto class_number = in.number<std::uint16_t>();
  (void)in.number<std::uint16_t>(); // weight: always 0
  content_header header;
  header.body_size = in.number<std::uint64_t>();
  unsigned flags = in.number<std::uint16_t>();
  if (class_number != basic_class || (flags & 3U) != 0)
    return fail(errc::protocol, "a content header is not one of a message");
  visit(header.properties, property_input{in, flags});
  if (in.failed()) return fail(errc::protocol, "a content header is truncated");
  if (!in.empty()) return fail(errc::protocol, "a content header has bytes behind its properties");
  return header;
}

void put_content(std::string& out, channel_number channel, const properties& p,
                 std::string_view body, std::size_t max_frame) {
  {
    frame_writer frame{out, frame_type::header, channel};
    put_number(out, basic_class);
    put_number(out, std::uint16_t{0});
    put_number(out, std::uint64_t{body.size()});
    unsigned flags = 0;
    visit(p, [&](unsigned flag, const auto& property) { flags |= property ? flag : 0U; });
    put_number(out, static_cast<std::uint16_t>(flags));
    visit(p, property_output{out});
  }
  auto longest = max_frame - frame_overhead;
  for (; !body.empty(); body.remove_prefix(std::min(longest, body.size()))) {
    frame_writer frame{out, frame_type::body, channel};
    out += body.substr(0, longest);
  }
}

} // namespace patio::amqp
