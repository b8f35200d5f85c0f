#include <patio/actors/broker/answer_box.hpp>

#include <new>

namespace patio {

result<std::string> pickle_result(const value& v, const pickle_form& form) {
  try {
    result<std::string> all;
    if (auto ok = write_pickle(v, *all, form.types, form.max_bytes, form.protocol); !ok)
      all = tl::unexpected(std::move(ok.error()));
    return all;
  } catch (const std::bad_alloc&) {
    return fail(errc::invalid, "out of memory");
  }
}

} // namespace patio
