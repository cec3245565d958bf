namespace Lur.Generators;

/// <summary>A struct of sizes that kernels take by value: declared once, in a header, and mirrored in C#.</summary>
internal sealed class GeometryStruct(string name, string summary, IReadOnlyList<(string Type, string Name)> fields)
{
    /// <summary>Ending of the name by which a struct is known to be one.</summary>
    public const string Ending = "Geometry";

    /// <summary>Name, here and there.</summary>
    public string Name { get; } = name;

    /// <summary>The comment above it, one line, or empty.</summary>
    public string Summary { get; } = summary;

    /// <summary>Fields in order; types are <c>int</c> or <c>long long</c>.</summary>
    public IReadOnlyList<(string Type, string Name)> Fields { get; } = fields;
}
