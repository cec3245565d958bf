using System.Globalization;

namespace Lur.Models;

/// <summary>Reads one text of <see cref="UNetText"/>.</summary>
internal sealed class UNetTextReader(string text, ImageSize input, int classes)
{
    private int _first,
        _layers = 2,
        _head,
        _outputs = input.Channels,
        _classes = classes,
        _contextWidth,
        _contextLength = UNetSpec.UsualContextLength,
        _depth = 1,
        _vocabulary = 1;
    private int? _groups,
        _midGroups;
    private int[] _widths = [],
        _multiples = [],
        _attentionSizes = [],
        _heads = [8],
        _clip = [];
    private string? _down,
        _up;
    private double _epsilon = 1e-5,
        _midScale = 1,
        _shift,
        _dropout;
    private bool _midPlain,
        _endPadding,
        _sinesFirst,
        _film,
        _center,
        _noNull,
        _linear;
    private ClassCondition _condition = ClassCondition.Table;

    public UNetSpec Read()
    {
        foreach (var option in text.Split(':').Skip(1))
            if (!Word(option) && !Numbers(option))
                throw Refusal($"the option '{option}' is not known");
        var widths = Widths();
        var groups = _groups ?? DefaultGroups(widths);
        if (widths.FirstOrDefault(w => w % groups != 0) is > 0 and var width)
            throw Refusal($"{groups} groups do not divide a level of {width} channels");
        if (_head > 0 && widths.FirstOrDefault(w => w % _head != 0) is > 0 and var odd)
            throw Refusal($"heads of {_head} channels do not divide a level of {odd}");
        var attention = Attention(widths.Length);
        var down = _down is null ? attention : Flags(_down, widths.Length, "down");
        var condition =
            _contextWidth > 0 ? ClassCondition.Prompt
            : _classes == 0 ? ClassCondition.None
            : _condition;
        var prompts = condition == ClassCondition.Prompt;
        return new UNetSpec
        {
            Widths = widths,
            Layers = _layers,
            DownAttention = down,
            UpAttention = _up is null ? down.Reverse().ToValues() : Flags(_up, widths.Length, "up"),
            HeadWidth = _head,
            Groups = groups,
            Epsilon = _epsilon,
            MidGroups = _midGroups,
            MidAttention = !_midPlain,
            MidScale = _midScale,
            EndPadding = _endPadding,
            FrequencyShift = _shift,
            CosinesFirst = !_sinesFirst,
            ScaleShift = _film,
            Dropout = _dropout,
            CenterInput = _center,
            Condition = condition,
            ClassCount = _classes,
            NullRow = condition is ClassCondition.Table or ClassCondition.Concatenated or ClassCondition.Prompt && !_noNull,
            Heads = prompts ? Heads(widths) : [],
            ContextWidth = _contextWidth,
            ContextLength = prompts ? _contextLength : 0,
            TransformerBlocks = _depth,
            LinearProjection = _linear,
            Encoder = prompts && _clip.Length > 0 ? Encoder() : null,
            Outputs = _outputs,
            Input = input,
        };
    }

    private bool Word(string option)
    {
        switch (option)
        {
            case "midplain":
                return _midPlain = true;
            case "endpad":
                return _endPadding = true;
            case "sinfirst":
                return _sinesFirst = true;
            case "film":
                return _film = true;
            case "center":
                return _center = true;
            case "nonull":
                return _noNull = true;
            case "linproj":
                return _linear = true;
            default:
                return false;
        }
    }

    private bool Numbers(string option)
    {
        // The longer names first: each begins with a letter of a shorter one.
        if (After(option, "attn") is { } sizes)
            _attentionSizes = Whole(sizes, "attn", 1, 65536);
        else if (After(option, "heads") is { } heads)
            _heads = Whole(heads, "heads", 1, UNetText.WidthLimit);
        else if (After(option, "tok") is { } rows)
            _contextLength = One(rows, "tok", 1, 4096);
        else if (After(option, "clip") is { } clip)
            _clip = Whole(clip, "clip", 1, 4096);
        else if (After(option, "vocab") is { } vocabulary)
            _vocabulary = One(vocabulary, "vocab", 1, 1 << 24);
        else if (After(option, "depth") is { } depth)
            _depth = One(depth, "depth", 1, 64);
        else if (After(option, "down") is { } down)
            _down = down;
        else if (After(option, "up") is { } up)
            _up = up;
        else if (After(option, "drop") is { } dropout)
            _dropout = Real(dropout, "drop", v => v is >= 0 and < 1, "from 0 to below 1");
        else if (After(option, "midscale") is { } scale)
            _midScale = Real(scale, "midscale", v => v > 0 && double.IsFinite(v), "above 0");
        else if (After(option, "midg") is { } midGroups)
            _midGroups = One(midGroups, "midg", 1, UNetText.WidthLimit);
        else if (After(option, "fshift") is { } shift)
            _shift = Real(shift, "fshift", v => v is >= -1 and <= 1, "from -1 to 1");
        else if (After(option, "out") is { } outputs)
            _outputs = One(outputs, "out", 1, 1024);
        else if (After(option, "ktime") is { } timed)
            (_condition, _classes) = (ClassCondition.TimeStep, One(timed, "ktime", 1, 1_000_000));
        else if (After(option, "kbeside") is { } beside)
            (_condition, _classes) = (ClassCondition.Concatenated, One(beside, "kbeside", 1, 1_000_000));
        else
            return Short(option);
        return true;
    }

    private bool Short(string option)
    {
        if (option.Length < 2)
            return false;
        var value = option[1..];
        switch (option[0])
        {
            case 'c':
                _first = One(value, "c", 1, UNetText.WidthLimit);
                return true;
            case 'm':
                _multiples = Whole(value, "m", 1, 64);
                return true;
            case 'w':
                _widths = Whole(value, "w", 1, UNetText.WidthLimit);
                return true;
            case 'r':
                _layers = One(value, "r", 1, 64);
                return true;
            case 'h':
                _head = One(value, "h", 0, UNetText.WidthLimit);
                return true;
            case 'g':
                _groups = One(value, "g", 1, UNetText.WidthLimit);
                return true;
            case 'e':
                _epsilon = Real(value, "e", v => v > 0 && double.IsFinite(v), "above 0");
                return true;
            case 'x':
                _contextWidth = One(value, "x", 1, 65536);
                return true;
            case 'k':
                _classes = One(value, "k", 0, 1_000_000);
                return true;
            default:
                return false;
        }
    }

    private int[] Widths()
    {
        if (_widths.Length == 0 && _first > 0 && _multiples.Length > 0)
            _widths = [.. _multiples.Select(m => checked(m * _first))];
        if (_widths.Length is < 1 or > 8)
            throw Refusal("its levels are missing or more than 8");
        return _widths.All(w => w <= UNetText.WidthLimit)
            ? _widths
            : throw Refusal($"a level has more than {UNetText.WidthLimit} channels");
    }

    private ClipTextSpec Encoder() =>
        _clip.Length == 2 && _contextWidth % _clip[1] == 0
            ? new ClipTextSpec
            {
                Vocabulary = _vocabulary,
                Width = _contextWidth,
                Hidden = 4 * _contextWidth,
                Layers = _clip[0],
                Heads = _clip[1],
                Positions = _contextLength,
            }
            : throw Refusal($"'clip{string.Join(',', _clip)}' is to be layers and heads, and the heads divide {_contextWidth}");

    // One number is that of every level.
    private int[] Heads(int[] widths)
    {
        var heads = _heads.Length == 1 ? Sequences.Repeat(_heads[0], widths.Length).ToArray() : _heads;
        if (heads.Length != widths.Length)
            throw Refusal($"'heads' has {heads.Length} numbers for {widths.Length} levels");
        for (var i = 0; i < heads.Length; i++)
            if (widths[i] % heads[i] != 0)
                throw Refusal($"{heads[i]} heads do not divide a level of {widths[i]} channels");
        return heads;
    }

    private bool[] Attention(int levels)
    {
        var flags = new bool[levels];
        foreach (var size in _attentionSizes)
        {
            var level = Sequences.Range(0, levels).FirstOrDefault(i => Halved(i) == size, -1);
            flags[level < 0 ? throw Refusal($"no level has images of {size} pixels, which 'attn{size}' asks for") : level] = true;
        }

        return flags;
    }

    // A way down that is for prompts rounds up; the other one takes sizes that it halves alone.
    private int Halved(int level) => _contextWidth > 0 ? (input.Height + (1 << level) - 1) >> level : input.Height >> level;

    // 32 where they divide every level, as published networks have; fewer for narrow ones.
    private static int DefaultGroups(int[] widths)
    {
        for (var groups = 32; groups > 1; groups /= 2)
            if (widths.All(w => w % groups == 0 && w / groups >= 2))
                return groups;
        return 1;
    }

    private bool[] Flags(string value, int levels, string name) =>
        value.Length == levels && value.All(c => c is '0' or '1')
            ? value.Select(c => c == '1').ToValues()
            : throw Refusal($"'{name}{value}' must have a 0 or 1 for each of {levels} levels");

    private static string? After(string option, string name) =>
        option.StartsWith(name, StringComparison.Ordinal) && option.Length > name.Length ? option[name.Length..] : null;

    private int One(string value, string name, int least, int most) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= least && n <= most
            ? n
            : throw Refusal(FormattableString.Invariant($"'{name}{value}' must be a whole number from {least} to {most}"));

    private int[] Whole(string value, string name, int least, int most) => [.. value.Split(',').Select(v => One(v, name, least, most))];

    private double Real(string value, string name, Func<double, bool> allowed, string range) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var v) && allowed(v)
            ? v
            : throw Refusal($"'{name}{value}' must be a number {range}");

    private UserErrorException Refusal(string why) => new($"Model '{text}': {why}; use {UNetText.Grammar}.");
}
