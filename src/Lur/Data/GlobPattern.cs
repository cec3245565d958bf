namespace Lur.Data;

/// <summary>A pattern of paths: <c>?</c> is a character and <c>*</c> any number of them, none of them a slash; <c>**</c> is any number of
/// characters, and <c>**/</c> any number of folders, none included. The time of a match is bounded by the product of the lengths.</summary>
/// <remarks>A regular expression built at run time did the same, and put half a megabyte of their compiler into every native
/// program.</remarks>
internal sealed class GlobPattern
{
    private enum Kind
    {
        Letter,
        One,
        Segment,
        Any,
        Folders,
        WithinFolders,
    }

    private readonly List<(Kind Kind, char Letter)> _parts = [];

    /// <summary>Reads a pattern; every text is one.</summary>
    public GlobPattern(string pattern)
    {
        for (var i = 0; i < pattern.Length; )
        {
            var stars = pattern.AsSpan(i).IndexOfAnyExcept('*') is var n && n < 0 ? pattern.Length - i : n;
            if (stars == 0)
            {
                _parts.Add(pattern[i] == '?' ? (Kind.One, default) : (Kind.Letter, pattern[i]));
                i++;
                continue;
            }

            i += stars;
            if (stars >= 2 && i < pattern.Length && pattern[i] == '/')
            {
                if (stars > 2)
                    _parts.Add((stars == 3 ? Kind.Segment : Kind.Any, default));
                _parts.AddRange([(Kind.Folders, default), (Kind.WithinFolders, default)]);
                i++;
            }
            else
            {
                _parts.Add((stars == 1 ? Kind.Segment : Kind.Any, default));
            }
        }
    }

    /// <summary>Whether a whole path matches.</summary>
    public bool Matches(ReadOnlySpan<char> path)
    {
        // Which parts may come next: all ways are followed at once.
        var (now, next) = (new bool[_parts.Count + 1], new bool[_parts.Count + 1]);
        Reach(now, 0);
        foreach (var letter in path)
        {
            Array.Clear(next);
            for (var at = 0; at < _parts.Count; at++)
                if (now[at])
                    Follow(next, at, letter);
            (now, next) = (next, now);
        }

        return now[^1];
    }

    // A part, and those behind it that may be empty up to there.
    private void Reach(bool[] set, int at)
    {
        while (!set[at])
        {
            set[at] = true;
            if (at == _parts.Count)
                return;
            if (_parts[at].Kind is Kind.Segment or Kind.Any)
                at++;
            else if (_parts[at].Kind == Kind.Folders)
                at += 2;
        }
    }

    private void Follow(bool[] next, int at, char letter)
    {
        var (kind, own) = _parts[at];
        var slash = letter == '/';
        switch (kind)
        {
            case Kind.Letter when letter == own:
            case Kind.One when !slash:
                Reach(next, at + 1);
                break;
            case Kind.Segment when !slash:
            case Kind.Any:
                Reach(next, at);
                break;
            case Kind.Folders:
                next[at + 1] = true;
                if (slash)
                    Reach(next, at + 2);
                break;
            case Kind.WithinFolders:
                next[at] = true;
                if (slash)
                    Reach(next, at + 1);
                break;
        }
    }
}
