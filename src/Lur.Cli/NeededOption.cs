using System.CommandLine;
using System.Runtime.CompilerServices;

namespace Lur.Cli;

/// <summary>Options of which one has to be given: the parser knows only those that have to be given always.</summary>
internal static class NeededOption
{
    private static readonly ConditionalWeakTable<Option, Option> s_other = [];

    /// <summary>Says that an option has to be given unless another one is.</summary>
    public static void NeededUnless(this Option option, Option other) => s_other.AddOrUpdate(option, other);

    /// <summary>True for an option that has to be given, always or without another.</summary>
    public static bool IsNeeded(this Option option) => option.Required || s_other.TryGetValue(option, out _);

    /// <summary>True where an option that has to be given is not.</summary>
    public static bool IsMissing(this Option option, ParseResult parsed) =>
        option.IsNeeded() && !IsGiven(option, parsed) && !(s_other.TryGetValue(option, out var other) && IsGiven(other, parsed));

    private static bool IsGiven(Option option, ParseResult parsed) => parsed.GetResult(option) is { Implicit: false };
}
