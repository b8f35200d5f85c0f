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
/// The largest record that this side sends in a handshake. A stalled handshake keeps a buffer for
/// one such record.
constexpr std::size_t handshake_record = std::size_t{4} << 10;

/// Runs an operation of OpenSSL with an empty error queue, so that every error found afterwards
/// comes from this operation.
template <class Operation>
auto with_clean_errors(Operation operation) {
  ERR_clear_error();
  return operation();
}

engine::state& state_of(const SSL* ssl) {
  return *static_cast<engine::state*>(SSL_get_app_data(ssl));
}

/// Only the limit for a client's handshake can be set. A client's certificates may take all of it.
handshake_guard::bounds bounds_of(engine::state::role side, std::size_t max_bytes) {
  if (side == engine::state::role::accepts)
    return {max_bytes, max_bytes, limit::tls_handshake_bytes};
  return {max_bytes, largest_server_message, limit::none};
}

/// The header of a record that every peer of OpenSSL's refuses with the alert 'record overflow'. An
/// SSL that is made to read the header sends that alert, encrypted if the peer expects that.
constexpr std::string_view endless_record{"\x17\x03\x03\xff\xff", 5};

/// OpenSSL calls this function for each certificate. The number of a client's certificates is
/// limited, because OpenSSL keeps the certificates as long as the connection and uses up to fifteen
/// times their size.
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

/// OpenSSL calls this function for each record and message. If the budget is exceeded, the function
/// drops the rest of the input, so that OpenSSL does no more work.
void on_message(int sent, int, int kind, const void* bytes, std::size_t size, SSL* ssl, void*) {
  auto& s = state_of(ssl);
  if (sent || !s.open || size == 0) return;
  bool is_handshake = *static_cast<const unsigned char*>(bytes) == SSL3_RT_HANDSHAKE;
  s.budget.count(kind, is_handshake);
  if (!s.budget.violation().empty()) s.wire.input = {};
}

} // namespace

// OpenSSL turns these lists into objects of forty times the size, and keeps the objects. A server
// of this library does not use the lists.
int refuse_long_lists(SSL* ssl, int* alert, void*) {
  struct bounded_extension {
    unsigned type;
    std::size_t max;
    const char* name;
  };
  for (auto [type, max, name] :
       {bounded_extension{TLSEXT_TYPE_status_request, 16, "status_request"},
        {TLSEXT_TYPE_certificate_authorities, 96, "certificate_authorities"}}) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &size) != 1 || size <= max) continue;
    state_of(ssl).refusal = "the extension " + std::string{name} + " of the peer's ClientHello has "
                            + std::to_string(size) + " bytes, and at most " + std::to_string(max)
                            + " are accepted";
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

engine::state::state(SSL_CTX* context, role side, peer trust, std::string wanted,
                     std::size_t max_handshake_bytes)
    : ssl{SSL_new(context)}, guard{bounds_of(side, max_handshake_bytes)},
      expected{std::move(wanted)}, verifies{trust == peer::verified} {
  auto bio = bio_over(wire);
  if (!ssl) throw std::bad_alloc{};
  auto* both = bio.release();
  SSL_set_bio(ssl.get(), both, both);
  SSL_set_app_data(ssl.get(), this);
  SSL_set_max_cert_list(ssl.get(), static_cast<long>(guard.max_message()));
  SSL_set_max_send_fragment(ssl.get(), handshake_record);
  SSL_set_msg_callback(ssl.get(), on_message);
  SSL_set_verify(ssl.get(),
                 verifies ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
                 verifies ? on_verified : nullptr);
  if (side == role::accepts) SSL_set_accept_state(ssl.get());
  else SSL_set_connect_state(ssl.get());
}

result<void> engine::state::advance(std::string_view cipher, std::string& plain) {
  if (cipher.empty() && !open) return shake_hands(); // a client sends its first message
  while (!cipher.empty()) {
    auto arrived = cipher;
    auto record = records.next(cipher);
    arrived.remove_suffix(cipher.size());
    if (!open)
      if (auto ok = guard.check(arrived, SSL_version(ssl.get()) == TLS1_2_VERSION); !ok)
        return alerted(ok);
    if (record.empty()) return {};
    wire.input = record;
    if (!open)
      if (auto ok = shake_hands(); !ok) return ok;
    if (open)
      if (auto ok = read(plain); !ok) return ok;
  }
  return {};
}

/// Sends an alert for an error that OpenSSL has not seen. A peer that speaks no TLS gets none.
result<void> engine::state::alerted(result<void> refused) {
  if (!guard.speaks_tls()) return refused;
  wire.input = endless_record;
  char nothing[1];
  std::size_t size = 0;
  (void)SSL_read_ex(ssl.get(), nothing, sizeof nothing, &size);
  return refused;
}

result<void> engine::state::shake_hands() {
  auto done = SSL_do_handshake(ssl.get());
  if (done == 1) return become_open();
  if (SSL_get_error(ssl.get(), done) != SSL_ERROR_WANT_READ) return broken_by_openssl(done);
  return {};
}

/// Checks the result of OpenSSL's verification again, so that a mistake in the settings cannot
/// accept an unverified peer.
result<void> engine::state::become_open() {
  auto* certificate = SSL_get0_peer_certificate(ssl.get());
  if (verifies && (!certificate || SSL_get_verify_result(ssl.get()) != X509_V_OK))
    return alerted(broken("the peer's certificate was not verified", remedy::certificates));
  if (verifies) names = names_of(certificate);
  SSL_set_max_send_fragment(ssl.get(), largest_record);
  // The smaller maximum of the handshake has also lowered the split size.
  SSL_set_split_send_fragment(ssl.get(), largest_record);
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
    budget.add_data(size);
  }
  if (auto violation = budget.violation(); !violation.empty())
    return alerted(broken(std::string{violation}));
  auto why = SSL_get_error(ssl.get(), done);
  if (why == SSL_ERROR_ZERO_RETURN) peer_closed = true;
  else if (why != SSL_ERROR_WANT_READ) return broken_by_openssl(done);
  return {};
}

tl::unexpected<error> engine::state::broken(std::string text, remedy mend) const {
  // A client finishes its handshake before the server has checked the client's certificate. Until
  // the first plain byte from the peer, an error is therefore a refused login.
  return fail(any_plain ? errc::protocol : errc::login_refused, mend, std::move(text));
}

tl::unexpected<error> engine::state::broken_by_openssl(int returned) {
  if (SSL_get_error(ssl.get(), returned) == SSL_ERROR_ZERO_RETURN)
    return broken("the peer ended the TLS handshake");
  auto code = drain_openssl_errors();
  auto reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  if (reason == SSL_R_EXCESSIVE_MESSAGE_SIZE) return guard.message_too_long();
  bool bad_certificate = reason == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (!refusal.empty() && (bad_certificate || reason == SSL_R_CALLBACK_FAILED))
    return broken(refusal, bad_certificate ? remedy::certificates : remedy::tls);
  auto [text, mend] = describe_tls_error(code);
  return broken(std::move(text), mend);
}

engine::engine(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
engine::~engine() = default;

result<void> engine::receive(std::string_view cipher, std::string& plain) {
  auto& s = *state_;
  if (s.failure) return tl::unexpected<error>{*s.failure};
  if (s.peer_closed) return {};
  auto ok = with_clean_errors([&] { return s.advance(cipher, plain); });
  s.wire.input = {};
  s.records.release();
  drain_openssl_errors();
  if (!ok) s.failure = ok.error();
  return ok;
}

void engine::send(std::string_view plain) {
  auto& s = *state_;
  if (!s.open) throw std::logic_error{"tls::engine::send before the handshake is done"};
  if (s.failure || s.closed || plain.empty()) return;
  std::size_t written = 0;
  auto write = [&] { return SSL_write_ex(s.ssl.get(), plain.data(), plain.size(), &written); };
  if (with_clean_errors(write) != 1) s.failure = s.broken_by_openssl(0).value();
  drain_openssl_errors();
}

std::string& engine::output() noexcept { return state_->wire.output; }
bool engine::is_open() const noexcept { return state_->open && !state_->failure; }
bool engine::peer_closed() const noexcept { return state_->peer_closed; }
const std::vector<std::string>& engine::peer_names() const noexcept { return state_->names; }

void engine::close() {
  auto& s = *state_;
  if (!s.open || s.failure || std::exchange(s.closed, true)) return;
  with_clean_errors([&] { return SSL_shutdown(s.ssl.get()); });
  drain_openssl_errors();
}

} // namespace patio::tls
