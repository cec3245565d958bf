// embedded.h - the text of the shim's files.
#pragma once
#include <string_view>

namespace lur {

struct EmbeddedFile {
    const char* name;
    std::string_view content;
};
const EmbeddedFile* embeddedFiles(); // ended by a null name

} // namespace lur
