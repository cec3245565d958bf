using System.Reflection;
using System.Reflection.Emit;

namespace Lur.Tests.Architecture;

/// <summary>
/// What a type uses, read from its signatures and from the IL of its bodies: a scan of using directives would miss a name
/// written in full and a call through an inferred type.
/// </summary>
internal static class CodeReferences
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<ushort, OpCode> s_opcodes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => (ushort)code.Value);

    /// <summary>Every type that <paramref name="type"/> mentions, with the member where it does.</summary>
    public static IEnumerable<(Type Used, string Where)> TypesUsedBy(Type type)
    {
        foreach (var used in Flatten(type.BaseType).Concat(type.GetInterfaces().SelectMany(Flatten)))
            yield return (used, "its base types");
        foreach (var field in type.GetFields(All))
        {
            foreach (var used in Flatten(field.FieldType))
                yield return (used, field.Name);
        }
        foreach (var method in Methods(type))
        {
            var mentioned = method
                .GetParameters()
                .Select(p => (Type?)p.ParameterType)
                .Append((method as MethodInfo)?.ReturnType)
                .Concat(method.GetMethodBody()?.LocalVariables.Select(v => (Type?)v.LocalType) ?? [])
                .Concat(MembersUsedBy(method).SelectMany(m => new[] { m as Type ?? m.DeclaringType, ResultOf(m) }));
            foreach (var used in mentioned.SelectMany(Flatten).Distinct())
                yield return (used, method.Name);
        }
    }

    /// <summary>Constructors and methods declared by a type, compiler-made ones included.</summary>
    public static IEnumerable<MethodBase> Methods(Type type) => type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All));

    /// <summary>The members that a body names: calls, field accesses, type tokens.</summary>
    public static IEnumerable<MemberInfo> MembersUsedBy(MethodBase method)
    {
        var il = method.GetMethodBody()?.GetILAsByteArray();
        if (il is null)
            yield break;
        var typeArguments = method.DeclaringType?.IsGenericType == true ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < il.Length; )
        {
            ushort value = il[at++];
            if (value == 0xFE)
                value = (ushort)(0xFE00 | il[at++]);
            var code = s_opcodes[value];
            if (
                code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok
                && Resolve(method.Module, BitConverter.ToInt32(il, at), typeArguments, methodArguments) is { } member
            )
                yield return member;
            at += OperandSize(code, il, at);
        }
    }

    private static MemberInfo? Resolve(Module module, int token, Type[]? typeArguments, Type[]? methodArguments)
    {
        try
        {
            return module.ResolveMember(token, typeArguments, methodArguments);
        }
        catch (Exception e) when (e is FileNotFoundException or TypeLoadException)
        {
            return null; // an assembly that is not deployed with the tests cannot be one of ours
        }
    }

    private static Type? ResultOf(MemberInfo member) =>
        member switch
        {
            MethodInfo m => m.ReturnType,
            FieldInfo f => f.FieldType,
            _ => null,
        };

    private static int OperandSize(OpCode code, byte[] il, int at) =>
        code.OperandType switch
        {
            OperandType.InlineNone => 0,
            OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
            OperandType.InlineVar => 2,
            OperandType.InlineI8 or OperandType.InlineR => 8,
            OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, at),
            _ => 4,
        };

    private static IEnumerable<Type> Flatten(Type? type)
    {
        if (type is null || type.IsGenericParameter)
            return [];
        if (type.HasElementType)
            return Flatten(type.GetElementType());
        if (type.IsFunctionPointer)
            return type.GetFunctionPointerParameterTypes().Append(type.GetFunctionPointerReturnType()).SelectMany(Flatten);
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Flatten).Append(type.GetGenericTypeDefinition()) : [type];
    }
}
