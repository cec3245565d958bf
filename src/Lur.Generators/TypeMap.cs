namespace Lur.Generators;

/// <summary>CUDA parameter types and the C# types that launchers take for them.</summary>
internal static class TypeMap
{
    // C type: C# element type behind a pointer, C# scalar type (null where kernels take none), 'real' scalars follow the module.
    private static readonly Dictionary<string, (string Element, string? Scalar)> Types = new()
    {
        ["real"] = ("Real", "double"),
        ["accum"] = ("Real", "double"),
        ["wide"] = ("double", "double"),
        ["double"] = ("double", "double"),
        ["float"] = ("float", "float"),
        ["int"] = ("int", "int"),
        ["unsigned"] = ("uint", "uint"),
        ["unsigned int"] = ("uint", "uint"),
        ["long long"] = ("long", "long"),
        ["unsigned long long"] = ("ulong", "ulong"),
        ["size_t"] = ("ulong", "ulong"),
        ["unsigned char"] = ("byte", "byte"),
        ["signed char"] = ("sbyte", "sbyte"),
        ["short"] = ("short", "short"),
    };

    /// <summary>The list for messages.</summary>
    public static string Supported => string.Join(", ", Types.Keys) + ", pointers to them, and the geometries of the headers";

    public static bool Supports(KernelParameter parameter) => parameter.IsGeometry || Types.ContainsKey(parameter.Type);

    /// <summary>The C# type of a field of a geometry.</summary>
    public static string Field(string type) => Types[type].Scalar!;

    /// <summary>The C# parameter type.</summary>
    public static string CSharp(KernelParameter parameter) =>
        parameter.IsGeometry ? parameter.Type
        : parameter.IsPointer ? $"DevicePointer<{Types[parameter.Type].Element}>"
        : Types[parameter.Type].Scalar!;

    /// <summary>The statement that stores the argument into its 8-byte slot.</summary>
    public static string Store(KernelParameter parameter, string name, int index)
    {
        // An argument of any size: the slot holds where it lies.
        if (parameter.IsGeometry)
            return $"slots[{index}] = (ulong)&{name};";
        if (parameter.IsPointer)
            return $"slots[{index}] = {name}.Address;";
        return parameter.Type is "real" or "accum"
            ? $"StoreReal(slots + {index}, {name});"
            : $"*({Types[parameter.Type].Scalar}*)(slots + {index}) = {name};";
    }
}
