using Microsoft.CodeAnalysis;

namespace Lur.Generators.Options;

/// <summary>What is refused in a record of options.</summary>
internal static class OptionProblems
{
#pragma warning disable RS2008 // release tracking is for analyzers shipped as packages
    public static readonly DiagnosticDescriptor NoSource = New(
        "LUR101",
        "Source of a default",
        "option --{0} of {1} has a default without a source; say in Source which paper or code it is from, or \"ours\""
    );

    public static readonly DiagnosticDescriptor SameName = New("LUR102", "Name of an option", "{1} has two options --{0}; rename one");

    public static readonly DiagnosticDescriptor OutOfRange = New(
        "LUR103",
        "Default of an option",
        "the default of option --{0} of {1} is {2}; it must be {3}"
    );

    public static readonly DiagnosticDescriptor BadDefault = New(
        "LUR104",
        "Default of an option",
        "option --{0} of {1} has no default of the type {2}"
    );

    public static readonly DiagnosticDescriptor BadType = New(
        "LUR105",
        "Type of an option",
        "option --{0} of {1} is of type {2}; an option is a double, int, long, bool, string, IReadOnlyList<string>, enumeration or "
            + "IOptionText"
    );

    public static readonly DiagnosticDescriptor NotPartial = New(
        "LUR106",
        "Options are partial",
        "{0} must be partial: the generator writes the rest of it"
    );

    public static readonly DiagnosticDescriptor NoProperty = New("LUR107", "Property of an option", "{1} has no option property {0}");

    public static readonly DiagnosticDescriptor NoChoice = New(
        "LUR108",
        "Choices of an option",
        "{0} is a choice of option --{1} and has no text; give it [Choice(\"...\")]"
    );

    public static readonly DiagnosticDescriptor BadName = New(
        "LUR109",
        "Name of an option",
        "option --{0} of {1} needs a name of lower-case words with hyphens between them, which begins with \"no-\" for a flag whose "
            + "default is true and for no other"
    );

    public static readonly DiagnosticDescriptor NoSummary = New(
        "LUR110",
        "Help of an option",
        "option --{0} of {1} has no summary, which is its help"
    );

    public static readonly DiagnosticDescriptor Unresolved = New(
        "LUR111",
        "Attribute of an option",
        "[{0}] of {1} has arguments that do not compile; mend them, and the other errors may go"
    );
#pragma warning restore RS2008

    private static DiagnosticDescriptor New(string id, string title, string message) =>
        new(id, title, message, "Lur.Options", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
