#include "source_text.h"
#include <algorithm>
#include <cctype>

namespace lur {
namespace {

bool wordCharacter(char c) { return isalnum((unsigned char)c) || c == '_'; }

// A cursor over text whose comments are blanked.
struct Scanner {
    const std::string& s;
    size_t at = 0;
    void space() {
        while (at < s.size() && isspace((unsigned char)s[at])) at++;
    }
    std::string word() {
        space();
        const size_t first = at;
        while (at < s.size() && wordCharacter(s[at])) at++;
        return s.substr(first, at - first);
    }
    bool take(char c) {
        space();
        if (at >= s.size() || s[at] != c) return false;
        at++;
        return true;
    }
    // Skips a parenthesised group.
    void group() {
        if (!take('(')) return;
        for (int depth = 1; at < s.size() && depth; at++) depth += s[at] == '(' ? 1 : s[at] == ')' ? -1 : 0;
    }
    // The next occurrence of the word at or after the cursor.
    bool find(const char* w) {
        const std::string wanted(w);
        for (; (at = s.find(wanted, at)) != std::string::npos; at++) {
            const size_t end = at + wanted.size();
            if ((at == 0 || !wordCharacter(s[at - 1])) && (end >= s.size() || !wordCharacter(s[end]))) {
                at = end;
                return true;
            }
        }
        at = s.size();
        return false;
    }
};

void blankDirectives(std::string* s) {
    for (size_t line = 0; line < s->size();) {
        size_t end = s->find('\n', line);
        if (end == std::string::npos) end = s->size();
        size_t first = line;
        while (first < end && isspace((unsigned char)(*s)[first])) first++;
        if (first < end && (*s)[first] == '#') {
            while (end < s->size() && (*s)[end - 1] == '\\') {
                end = s->find('\n', end + 1);
                if (end == std::string::npos) end = s->size();
            }
            for (size_t i = first; i < end; i++)
                if ((*s)[i] != '\n') (*s)[i] = ' ';
        }
        line = end + 1;
    }
}

} // namespace

std::string withoutComments(const std::string& source) {
    std::string s = source;
    const auto blank = [&](size_t from, size_t to) {
        for (size_t i = from; i < std::min(to, s.size()); i++)
            if (s[i] != '\n') s[i] = ' ';
    };
    for (size_t i = 0; i < s.size(); i++) {
        if (s.compare(i, 2, "//") == 0) {
            const size_t end = s.find('\n', i);
            blank(i, end);
        } else if (s.compare(i, 2, "/*") == 0) {
            const size_t end = s.find("*/", i + 2);
            blank(i, end == std::string::npos ? end : end + 2);
        } else if (s[i] == '"' || (s[i] == '\'' && !(i && isalnum((unsigned char)s[i - 1])))) {
            const char quote = s[i];
            size_t end = i + 1;
            while (end < s.size() && s[end] != quote && s[end] != '\n') end += s[end] == '\\' ? 2 : 1;
            blank(i + 1, end);
            i = end;
        }
    }
    return s;
}

std::vector<std::string> findKernels(const std::string& source) {
    std::string s = withoutComments(source);
    blankDirectives(&s);
    std::vector<std::string> names;
    const auto add = [&](Scanner& in, std::string name) {
        if (!name.empty() && in.take('(') && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    };
    for (Scanner in{s}; in.find("KERNEL");) {
        std::string w = in.word();
        add(in, w == "COOPERATIVE" ? in.word() : w);
    }
    for (Scanner in{s}; in.find("__global__");) {
        // A template is compiled through a name expression.
        const size_t keyword = in.at - sizeof "__global__" + 1;
        const size_t end = s.find_last_not_of(" \t\r\n", keyword ? keyword - 1 : 0);
        if (keyword && end != std::string::npos && s[end] == '>') continue;
        std::string w = in.word();
        while (w == "void" || w == "__launch_bounds__" || w == "static" || w == "inline") {
            if (w == "__launch_bounds__") in.group();
            w = in.word();
        }
        add(in, w);
    }
    return names;
}

bool replaceDynamicShared(std::string* source, int* badLine) {
    std::string plain = withoutComments(*source);
    for (Scanner in{plain}; in.find("extern");) {
        const size_t first = in.at - 6;
        if (in.word() != "__shared__") continue;
        in.space();
        size_t type = in.at;
        if (plain.compare(type, 9, "__align__") == 0) {
            in.at += 9;
            in.group();
            type = in.at;
        }
        const size_t bracket = plain.find('[', type), end = plain.find(';', type);
        if (bracket == std::string::npos || end == std::string::npos || bracket > end) continue;
        size_t nameEnd = bracket;
        while (nameEnd > type && isspace((unsigned char)plain[nameEnd - 1])) nameEnd--;
        size_t name = nameEnd;
        while (name > type && wordCharacter(plain[name - 1])) name--;
        const long depth = std::count(plain.begin(), plain.begin() + (long)first, '{') -
                           std::count(plain.begin(), plain.begin() + (long)first, '}');
        if (depth <= 0) {
            *badLine = (int)std::count(plain.begin(), plain.begin() + (long)first, '\n') + 1;
            return false;
        }
        const std::string t = plain.substr(type, name - type), n = plain.substr(name, nameEnd - name);
        std::string with = t + "*const " + n + " = lur_dynamic_shared<" + t + ">()";
        with += std::string((size_t)std::count(source->begin() + (long)first, source->begin() + (long)end, '\n'), '\n');
        source->replace(first, end - first, with);
        plain.replace(first, end - first, with);
        in.at = first + with.size();
    }
    return true;
}

} // namespace lur
