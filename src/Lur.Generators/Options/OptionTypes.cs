using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Lur.Generators.Options;

/// <summary>Types of options, and constants of them.</summary>
internal static class OptionTypes
{
    private const string List = "System.Collections.Generic.IReadOnlyList<string>";

    /// <summary>What a type is as an option, or null.</summary>
    public static OptionType? Of(ITypeSymbol type) =>
        type.SpecialType switch
        {
            SpecialType.System_Double => OptionType.Number,
            SpecialType.System_Int32 => OptionType.Integer,
            SpecialType.System_Int64 => OptionType.LongInteger,
            SpecialType.System_Boolean => OptionType.Flag,
            SpecialType.System_String => OptionType.Text,
            _ when type.TypeKind == TypeKind.Enum => OptionType.Choice,
            _ when type.ToDisplayString() == List => OptionType.List,
            _ when type.AllInterfaces.Any(i => i.Name == "IOptionText" && i.ContainingNamespace.ToDisplayString() == "Lur") =>
                OptionType.Value,
            _ => null,
        };

    /// <summary>The constant of an attribute as a value of an option, or null where its type does not fit.</summary>
    public static OptionConstant? Constant(TypedConstant constant, ITypeSymbol type)
    {
        var option = Of(type);
        if (constant.Kind is TypedConstantKind.Error or TypedConstantKind.Array || constant.Value is not { } value)
            return null;
        return option switch
        {
            OptionType.Number when value is double or int or long => Number(System.Convert.ToDouble(value, CultureInfo.InvariantCulture)),
            OptionType.Integer when value is int => Whole((int)value, ""),
            OptionType.LongInteger when value is int or long => Whole(System.Convert.ToInt64(value, CultureInfo.InvariantCulture), "L"),
            OptionType.Flag when value is bool flag => new OptionConstant(flag ? "true" : "false", flag ? "true" : "false", null),
            OptionType.Text when value is string text => new OptionConstant(Literal(text), text, null),
            OptionType.List when value is string text => new OptionConstant(
                $"global::Lur.OptionFormat.ParseList({Literal(text)})",
                text,
                null
            ),
            OptionType.Value when value is string text => new OptionConstant(
                $"global::Lur.OptionFormat.Parse<{FullName(type)}>({Literal(text)})",
                text,
                null
            ),
            OptionType.Choice when SymbolEqualityComparer.Default.Equals(constant.Type, type) => Member(type, value),
            _ => null,
        };
    }

    /// <summary>Members of an enumeration in their order, with the text of each, null where it has none.</summary>
    public static IEnumerable<(IFieldSymbol Member, string? Text)> Choices(ITypeSymbol type) =>
        type.GetMembers()
            .OfType<IFieldSymbol>()
            .Where(f => f.HasConstantValue)
            .Select(f => (f, Attribute(f, "ChoiceAttribute")?.ConstructorArguments.FirstOrDefault().Value as string));

    /// <summary>An attribute of the library on a symbol, or null.</summary>
    public static AttributeData? Attribute(ISymbol symbol, string name) => Attributes(symbol, name).FirstOrDefault();

    /// <summary>The attributes of the library on a symbol.</summary>
    public static IEnumerable<AttributeData> Attributes(ISymbol symbol, string name) =>
        symbol.GetAttributes().Where(a => a.AttributeClass is { } c && c.Name == name && c.ContainingNamespace.ToDisplayString() == "Lur");

    public static string FullName(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    public static string Literal(string text) => SymbolDisplay.FormatLiteral(text, quote: true);

    private static OptionConstant Number(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return new OptionConstant(text + "d", text, value);
    }

    private static OptionConstant Whole(long value, string suffix)
    {
        var text = value.ToString(CultureInfo.InvariantCulture);
        return new OptionConstant(text + suffix, text, value);
    }

    private static OptionConstant? Member(ITypeSymbol type, object value)
    {
        var (member, text) = Choices(type).FirstOrDefault(c => Equals(c.Member.ConstantValue, value));
        return member is null ? null : new OptionConstant($"{FullName(type)}.{member.Name}", text ?? "", null);
    }
}
