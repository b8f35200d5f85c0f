# What `cmake --install` installs. Three components, as the Debian packages are: `runtime` has the
# shared libraries, `dev` what a program needs to build against them, `command` the command.

# Debian's own places, under /usr/local, too. GNUInstallDirs uses them for the prefix /usr only.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Folder of the libraries")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(targets core)
set(paths ${PROJECT_SOURCE_DIR}/libpatio)
set_target_properties(patio_shared_core PROPERTIES EXPORT_NAME core)
if(PATIO_ACTORS)
  list(APPEND targets actors)
  list(APPEND paths ${PROJECT_SOURCE_DIR}/actors)
  set_target_properties(patio_shared_actors PROPERTIES EXPORT_NAME actors)
endif()
foreach(target IN LISTS targets)
  install(TARGETS patio_shared_${target} EXPORT patio-${target}-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

install(CODE "set(PATIO_PATHS [[${paths}]])
  set(PATIO_INCLUDEDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")" COMPONENT dev)
install(SCRIPT apps/packaging/headers.cmake COMPONENT dev)
install(FILES ${PROJECT_BINARY_DIR}/libpatio/generated/patio/version.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/patio COMPONENT dev)

# The CMake package.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/patio)
foreach(target IN LISTS targets)
  install(EXPORT patio-${target}-targets NAMESPACE patio:: DESTINATION ${package} COMPONENT dev)
endforeach()
configure_package_config_file(apps/packaging/patio-config.cmake.in
  ${PROJECT_BINARY_DIR}/packaging/patio-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/packaging/patio-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/packaging/patio-config.cmake
  ${PROJECT_BINARY_DIR}/packaging/patio-config-version.cmake
  ${PROJECT_SOURCE_DIR}/actors/FindCAF.cmake
  DESTINATION ${package} COMPONENT dev)

# The files of pkg-config find their folders from their own place, so that the tree can be moved.
set(pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH up /${pkgconfig} /)
string(REGEX REPLACE "/$" "" PATIO_PREFIX "\${pcfiledir}/${up}")
set(modules patio-core)
if(PATIO_ACTORS)
  list(APPEND modules patio)
endif()
foreach(module IN LISTS modules)
  configure_file(apps/packaging/${module}.pc.in packaging/${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/packaging/${module}.pc
    DESTINATION ${pkgconfig} COMPONENT dev)
endforeach()

if(TARGET patio_command)
  install(TARGETS patio_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
  include(apps/packaging/manual.cmake)
  set(completion ${PROJECT_SOURCE_DIR}/apps/packaging/completion)
  install(FILES ${completion}/patio.bash RENAME patio COMPONENT command
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completion}/patio.zsh RENAME _patio COMPONENT command
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${completion}/patio.fish COMPONENT command
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  include(apps/packaging/debian.cmake)
endif()
