# The manual pages, made from what the command prints for --help.
find_program(PATIO_GZIP gzip REQUIRED)
set(pages ${PROJECT_BINARY_DIR}/packaging/man1)
add_custom_command(OUTPUT ${pages}/patio.1.gz
  COMMAND sh ${PROJECT_SOURCE_DIR}/apps/packaging/manual.sh $<TARGET_FILE:patio_command> ${pages}
  DEPENDS patio_command ${PROJECT_SOURCE_DIR}/apps/packaging/manual.sh
          ${PROJECT_SOURCE_DIR}/apps/packaging/manual.awk
  COMMENT "Making the manual pages" VERBATIM)
add_custom_target(patio_manual ALL DEPENDS ${pages}/patio.1.gz)
install(DIRECTORY ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT command)
