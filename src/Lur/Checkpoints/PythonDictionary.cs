namespace Lur.Checkpoints;

/// <summary>Reads the literal dictionary that is the header of an .npy file: {'descr': '&lt;f8', 'shape': (3, 2), }.</summary>
internal sealed class PythonDictionary
{
    private readonly string _text;
    private int _at;

    private PythonDictionary(string text) => _text = text;

    /// <summary>Its entries, values as they are spelled; null where the text is none.</summary>
    public static List<(string Key, string Value)>? Read(string text) => new PythonDictionary(text).Entries();

    private List<(string Key, string Value)>? Entries()
    {
        var entries = new List<(string, string)>();
        if (!Takes('{'))
            return null;
        do
        {
            if (Key() is not { } key || !Takes(':') || Value() is not { } value)
                return null;
            entries.Add((key, value));
        } while (Takes(',') && !Sees('}'));
        return Takes('}') && End() ? entries : null;
    }

    private void Skip()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private bool End()
    {
        Skip();
        return _at == _text.Length;
    }

    private bool Sees(char c)
    {
        Skip();
        return _at < _text.Length && _text[_at] == c;
    }

    private bool Takes(char c)
    {
        var there = Sees(c);
        if (there)
            _at++;
        return there;
    }

    private string? Key() =>
        Quoted('\'') is { Length: > 2 } key && key[1..^1].All(c => char.IsLetterOrDigit(c) || c == '_') ? key[1..^1] : null;

    private string? Value() => Quoted('\'') ?? Quoted('"') ?? Word("True") ?? Word("False") ?? Tuple() ?? List();

    private string? Quoted(char quote) => Sees(quote) ? UpTo(_text.IndexOf(quote, _at + 1)) : null;

    private string? Word(string word) => _text.AsSpan(_at).StartsWith(word) ? UpTo(_at + word.Length - 1) : null;

    // No tuple lies within another.
    private string? Tuple()
    {
        if (!Sees('('))
            return null;
        var end = _text.AsSpan(_at + 1).IndexOfAny('(', ')');
        return end >= 0 && _text[_at + 1 + end] == ')' ? UpTo(_at + 1 + end) : null;
    }

    // The fields of a structured type, which Lur does not read but names in its refusal.
    private string? List()
    {
        var depth = 0;
        for (var i = _at; Sees('[') && i < _text.Length; i++)
        {
            depth += _text[i] switch
            {
                '[' => 1,
                ']' => -1,
                _ => 0,
            };
            if (depth == 0)
                return UpTo(i);
        }

        return null;
    }

    // The text up to a position, that included.
    private string? UpTo(int last)
    {
        if (last < _at)
            return null;
        var text = _text[_at..(last + 1)];
        _at = last + 1;
        return text;
    }
}
