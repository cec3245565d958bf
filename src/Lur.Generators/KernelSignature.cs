namespace Lur.Generators;

/// <summary>One parameter of a kernel.</summary>
internal sealed class KernelParameter(string name, string type, bool isPointer, bool isConst, bool isRestrict, bool isGeometry)
{
    /// <summary>Name in the .cu file.</summary>
    public string Name { get; } = name;

    /// <summary>Element or scalar type in the .cu file, for example <c>real</c> or <c>unsigned long long</c>.</summary>
    public string Type { get; } = type;

    public bool IsPointer { get; } = isPointer;

    public bool IsConst { get; } = isConst;

    /// <summary>Whether no other argument may be the same buffer, unless both are only read.</summary>
    public bool IsRestrict { get; } = isRestrict;

    /// <summary>Whether it is a struct of sizes, by value.</summary>
    public bool IsGeometry { get; } = isGeometry;
}

/// <summary>One kernel's signature.</summary>
internal sealed class KernelSignature(string name, bool cooperative, string summary, IReadOnlyList<KernelParameter> parameters)
{
    public string Name { get; } = name;

    public bool Cooperative { get; } = cooperative;

    /// <summary>The comment above the kernel, one line, or empty.</summary>
    public string Summary { get; } = summary;

    public IReadOnlyList<KernelParameter> Parameters { get; } = parameters;
}

/// <summary>Something in a .cu file that no launcher can be made from.</summary>
internal sealed class SignatureError(int offset, int length, string message)
{
    /// <summary>Offset into the file's text.</summary>
    public int Offset { get; } = offset;

    public int Length { get; } = length;

    public string Message { get; } = message;
}
