#include <patio/tls/tls.hpp>

#include <openssl/err.h>

#include <new>
#include <stdexcept>

#include <patio/tls/certificate.hpp>
#include <patio/tls/error.hpp>
#include <patio/tls/settings.hpp>
#include <patio/tls/state.hpp>

namespace patio::tls {
namespace {

constexpr std::size_t largest_record = std::size_t{16} << 10;
constexpr std::size_t record_of_handshake =
  std::size_t{4} << 10; // of ours: a stalled handshake keeps room for one

/// A change of keys costs its receiver far more than its sender, who must also send data to be
/// allowed more of them. Each counts twice, as a record and as a message, so that neither empty
/// ones nor many in one record come cheaper.
constexpr std::size_t most_messages = 512;
constexpr std::size_t data_that_allows_more = std::size_t{64} << 10;

/// An operation that must be the only one to leave errors.
template <class Operation>
auto alone(Operation operation) {
  ERR_clear_error();
  return operation();
}

engine::state& state_of(const SSL* ssl) {
  return *static_cast<engine::state*>(SSL_get_app_data(ssl));
}

/// Once for each certificate. What a client shows is kept for as long as the connection, and takes
/// up to fifteen times its bytes.
int on_verified(int fine, X509_STORE_CTX* checked) {
  auto* ssl =
    static_cast<SSL*>(X509_STORE_CTX_get_ex_data(checked, SSL_get_ex_data_X509_STORE_CTX_idx()));
  bool too_many =
    SSL_is_server(ssl) && sk_X509_num(X509_STORE_CTX_get0_untrusted(checked)) > longest_chain;
  if (fine && !too_many) return 1;
  if (fine) X509_STORE_CTX_set_error(checked, X509_V_ERR_CERT_CHAIN_TOO_LONG);
  auto& s = state_of(ssl);
  if (s.refusal.empty()) s.refusal = why_refused(checked, s.expected);
  return 0;
}

/// Called for each record and message. What may not go on is stopped by taking the rest of the
/// input away.
void on_message(int sent, int, int kind, const void* bytes, std::size_t size, SSL* ssl, void*) {
  auto& s = state_of(ssl);
  if (sent || !s.open || size == 0) return;
  bool is_handshake = *static_cast<const unsigned char*>(bytes) == SSL3_RT_HANDSHAKE;
  if (kind == SSL3_RT_HEADER && is_handshake) s.renegotiates = true;
  if (kind == SSL3_RT_HANDSHAKE || (kind == SSL3_RT_INNER_CONTENT_TYPE && is_handshake))
    ++s.messages;
  if (s.renegotiates || s.messages > most_messages) s.wire.input = {};
}

} // namespace

// OpenSSL makes objects of these lists, forty times their size, and keeps them. No server of ours
// looks at them.
int refuse_long_lists(SSL* ssl, int* alert, void*) {
  struct bounded_extension {
    unsigned type;
    std::size_t most;
    const char* name;
  };
  for (auto [type, most, name] :
       {bounded_extension{TLSEXT_TYPE_status_request, 16, "status_request"},
        {TLSEXT_TYPE_certificate_authorities, 96, "certificate_authorities"}}) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &size) != 1 || size <= most) continue;
    state_of(ssl).refusal = "the extension " + std::string{name} + " of its ClientHello has "
                            + std::to_string(size) + " bytes, more than the " + std::to_string(most)
                            + " that are taken";
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

engine::state::state(SSL_CTX* context, role side, peer trust, std::string wanted, std::size_t most)
    : ssl{SSL_new(context)}, expected{std::move(wanted)},
      most_handshake_bytes{most}, verifies{trust == peer::verified} {
  auto bio = bio_over(wire);
  if (!ssl) throw std::bad_alloc{};
  auto* both = bio.release();
  SSL_set_bio(ssl.get(), both, both);
  SSL_set_app_data(ssl.get(), this);
  SSL_set_max_send_fragment(ssl.get(), record_of_handshake);
  SSL_set_msg_callback(ssl.get(), on_message);
  SSL_set_verify(ssl.get(),
                 verifies ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
                 verifies ? on_verified : nullptr);
  if (side == role::accepts) SSL_set_accept_state(ssl.get());
  else SSL_set_connect_state(ssl.get());
}

result<void> engine::state::advance(std::string_view cipher, std::string& plain) {
  if (cipher.empty() && !open) return shake_hands(); // says hello
  while (!cipher.empty()) {
    auto arrived = cipher;
    auto record = records.next(cipher);
    arrived.remove_suffix(cipher.size());
    if (!open)
      if (auto ok = look_at_handshake(arrived); !ok) return ok;
    if (record.empty()) return {};
    wire.input = record;
    if (!open)
      if (auto ok = shake_hands(); !ok) return ok;
    if (open)
      if (auto ok = read(plain); !ok) return ok;
  }
  return {};
}

result<void> engine::state::look_at_handshake(std::string_view arrived) {
  auto taken = arrived.substr(0, most_handshake_bytes - handshake_bytes);
  handshake_bytes += taken.size();
  if (auto ok = guard.look(taken, SSL_version(ssl.get()) == TLS1_2_VERSION);
      !ok || taken.size() == arrived.size())
    return ok;
  auto which = SSL_is_server(ssl.get()) ? limit::tls_handshake_bytes : limit::none;
  return fail(errc::login_refused, which,
              "its TLS handshake has more than " + std::to_string(most_handshake_bytes) + " bytes");
}

result<void> engine::state::shake_hands() {
  auto done = SSL_do_handshake(ssl.get());
  if (done == 1) return become_open();
  if (SSL_get_error(ssl.get(), done) != SSL_ERROR_WANT_READ) return broken_by_openssl(done);
  return {};
}

/// What OpenSSL has checked already, so that a mistake in its settings cannot open a connection.
result<void> engine::state::become_open() {
  auto* certificate = SSL_get0_peer_certificate(ssl.get());
  if (verifies && (!certificate || SSL_get_verify_result(ssl.get()) != X509_V_OK))
    return broken("the peer's certificate was not verified");
  if (verifies) names = names_of(certificate);
  SSL_set_max_send_fragment(ssl.get(), largest_record);
  SSL_set_split_send_fragment(ssl.get(), largest_record); // which the lower one had lowered
  open = true;
  return {};
}

result<void> engine::state::read(std::string& plain) {
  char bytes[largest_record];
  std::size_t size = 0;
  int done = 0;
  while ((done = SSL_read_ex(ssl.get(), bytes, sizeof bytes, &size)) == 1) {
    plain.append(bytes, size);
    any_plain = true;
    data += size;
    if (data >= data_that_allows_more) data = messages = 0;
  }
  if (auto ok = check_peer_behaves(); !ok) return ok;
  auto why = SSL_get_error(ssl.get(), done);
  if (why == SSL_ERROR_ZERO_RETURN) peer_closed = true;
  else if (why != SSL_ERROR_WANT_READ) return broken_by_openssl(done);
  return {};
}

result<void> engine::state::check_peer_behaves() {
  if (renegotiates) return broken("the peer wants to renegotiate, which is off");
  if (messages > most_messages)
    return broken("the peer changes its TLS keys again and again without sending data");
  return {};
}

tl::unexpected<error> engine::state::broken(std::string text) const {
  // A client has finished its handshake before the server has judged its certificate: that is still
  // the login.
  return fail(any_plain ? errc::protocol : errc::login_refused, std::move(text));
}

tl::unexpected<error> engine::state::broken_by_openssl(int returned) {
  if (SSL_get_error(ssl.get(), returned) == SSL_ERROR_ZERO_RETURN)
    return broken("the peer ended the TLS handshake");
  auto code = drain_openssl_errors();
  auto reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  bool ours = reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_CALLBACK_FAILED;
  return broken(ours && !refusal.empty() ? refusal : describe_tls_error(code));
}

engine::engine(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
engine::~engine() = default;

result<void> engine::receive(std::string_view cipher, std::string& plain) {
  auto& s = *state_;
  if (s.failure) return tl::unexpected<error>{*s.failure};
  if (s.peer_closed) return {};
  auto ok = alone([&] { return s.advance(cipher, plain); });
  s.wire.input = {};
  s.records.release();
  drain_openssl_errors();
  if (!ok) s.failure = ok.error();
  return ok;
}

void engine::send(std::string_view plain) {
  auto& s = *state_;
  if (!s.open) throw std::logic_error{"tls_engine::send before the handshake was done"};
  if (s.failure || s.closed || plain.empty()) return;
  std::size_t written = 0;
  if (alone([&] { return SSL_write_ex(s.ssl.get(), plain.data(), plain.size(), &written); }) != 1)
    s.failure = s.broken_by_openssl(0).value();
  drain_openssl_errors();
}

std::string& engine::output() noexcept { return state_->wire.output; }
bool engine::is_open() const noexcept { return state_->open && !state_->failure; }
bool engine::peer_closed() const noexcept { return state_->peer_closed; }
const std::vector<std::string>& engine::peer_names() const noexcept { return state_->names; }

void engine::close() {
  auto& s = *state_;
  if (!s.open || s.failure || std::exchange(s.closed, true)) return;
  alone([&] { return SSL_shutdown(s.ssl.get()); });
  drain_openssl_errors();
}

} // namespace patio::tls
