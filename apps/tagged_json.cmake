# Values as tagged JSON, for `patio pickle explain` and for the tests of the codec. The target has a
# file of its own, because it needs no CAF and is also built without the command.
include_guard(GLOBAL)
find_package(nlohmann_json REQUIRED)
add_library(patio_tagged_json STATIC ${CMAKE_CURRENT_LIST_DIR}/tagged_json.cpp)
target_include_directories(patio_tagged_json PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(patio_tagged_json PUBLIC patio nlohmann_json::nlohmann_json PRIVATE patio_flags)
