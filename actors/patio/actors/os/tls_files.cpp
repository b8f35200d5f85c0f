#include <patio/actors/os/tls_files.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <patio/actors/os/socket.hpp>

namespace patio {

result<secret> read_secret_file(const std::string& path, std::size_t max_bytes) {
  auto cannot_read = [&](const std::string& text) {
    return fail(errc::invalid, "cannot read " + path + ": " + text);
  };
  unique_fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return cannot_read(std::system_category().message(errno));
  std::string bytes;
  bytes.reserve(max_bytes + 1); // growth would leave a copy of the secret in freed memory
  for (;;) {
    auto size = bytes.size();
    bytes.resize(max_bytes + 1);
    auto n = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    auto failed = n < 0 ? errno : 0;
    bytes.resize(size + (n > 0 ? static_cast<std::size_t>(n) : 0));
    if (failed == EINTR) continue;
    if (failed == 0 && n > 0 && bytes.size() <= max_bytes) continue;
    secret whole{std::move(bytes)};
    if (failed != 0) return cannot_read(std::system_category().message(failed));
    if (whole.size() > max_bytes)
      return cannot_read("it has more than " + std::to_string(max_bytes) + " bytes");
    return whole;
  }
}

result<tls_options> read_tls_files(const tls_files& files) {
  tls_options options;
  auto read = [](const std::string& path, auto& option) -> result<void> {
    if (path.empty()) return {};
    auto bytes = read_secret_file(path);
    if (!bytes) return tl::unexpected(std::move(bytes.error()));
    // A file that is being replaced may be empty for a moment. An empty file must not count as an
    // omitted option: without authorities, a client would trust all authorities of the system.
    if (bytes->empty()) return fail(errc::invalid, path + " is empty");
    option = bytes->view();
    return {};
  };
  auto ok = read(files.authorities, options.authorities);
  if (ok) ok = read(files.certificate, options.certificates);
  if (ok) ok = read(files.private_key, options.private_key);
  if (ok) ok = read(files.revoked, options.revoked);
  if (!ok) return tl::unexpected(std::move(ok.error()));
  return options;
}

} // namespace patio
