#include <patio/tls/wire.hpp>

#include <algorithm>
#include <new>

namespace patio::tls {
namespace {

wire_bytes& wire_of(BIO* bio) { return *static_cast<wire_bytes*>(BIO_get_data(bio)); }

int read_wire(BIO* bio, char* out, std::size_t room, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  auto& input = wire_of(bio).input;
  *count = input.copy(out, room);
  input.remove_prefix(*count);
  if (*count == 0) BIO_set_retry_read(bio);
  return *count != 0;
}

int write_wire(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  wire_of(bio).output.append(bytes, size);
  *count = size;
  return 1;
}

// A flush succeeds, because there is nothing to do. Other commands that an SSL sends to a BIO, such
// as those for TLS in the kernel, are not supported.
long control_wire(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }

using method_handle = std::unique_ptr<BIO_METHOD, openssl_free<BIO_meth_free>>;

const BIO_METHOD* wire_method() {
  static const method_handle method = [] {
    method_handle made{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "patio wire")};
    if (!made) throw std::bad_alloc{};
    BIO_meth_set_read_ex(made.get(), read_wire);
    BIO_meth_set_write_ex(made.get(), write_wire);
    BIO_meth_set_ctrl(made.get(), control_wire);
    return made;
  }();
  return method.get();
}

} // namespace

bio_handle bio_over(wire_bytes& wire) {
  bio_handle bio{BIO_new(wire_method())};
  if (!bio) throw std::bad_alloc{};
  BIO_set_data(bio.get(), &wire);
  BIO_set_init(bio.get(), 1);
  return bio;
}

} // namespace patio::tls
