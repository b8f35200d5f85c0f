#include <patio/functions/python_error.hpp>

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <typeinfo>

namespace patio {
namespace {

std::string type_of(const std::exception& e) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> name{
    abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status), &std::free};
  return status == 0 ? name.get() : typeid(e).name();
}

error raised(const char* type, const std::string& text) {
  return remote_error(value::exception(std::string{"builtins."} + type, {text}));
}

error translate(const std::exception& e) {
  if (const auto* python = dynamic_cast<const python_error*>(&e))
    return remote_error(python->exception());
  if (const auto* nested = dynamic_cast<const call_error*>(&e))
    return remote_error(to_exception(nested->why()));
  if (dynamic_cast<const std::bad_alloc*>(&e)) return raised("MemoryError", e.what());
  if (dynamic_cast<const std::out_of_range*>(&e)) return raised("IndexError", e.what());
  if (dynamic_cast<const std::overflow_error*>(&e)) return raised("OverflowError", e.what());
  if (dynamic_cast<const std::invalid_argument*>(&e) || dynamic_cast<const std::domain_error*>(&e))
    return raised("ValueError", e.what());
  return raised("RuntimeError", type_of(e) + ": " + e.what());
}

} // namespace

python_error::python_error(std::string type, std::vector<value> args)
    : python_error{value::exception("builtins." + std::move(type), std::move(args))} {}

python_error::python_error(value exception)
    : exception_{std::move(exception)}, what_{to_string(remote_error(exception_))} {}

call_error::call_error(error why) : why_{std::move(why)}, what_{to_string(why_)} {}

error current_exception_error() noexcept {
  try {
    try {
      throw;
    } catch (const std::exception& e) {
      return translate(e);
    } catch (...) {
      return raised("RuntimeError", "a C++ exception that is not a std::exception");
    }
  } catch (...) {
    return {errc::remote_error, {}, {}}; // out of memory, even for a text
  }
}

} // namespace patio
