using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Lur.Checkpoints;

/// <summary>
/// A bag of named arrays and named values that a run needs to go on as if it had never stopped: parameters, momentum,
/// running statistics, step, epoch, sampler position, seeds, hash of the configuration. Stored as a safetensors file, so
/// any tool of that format can look inside; a SHA-256 of all arrays in its metadata tells a damaged file from a good one.
/// </summary>
public sealed class TrainingState
{
    private const string KindKey = "lur.kind",
        Kind = "training-state",
        HashKey = "lur.sha256";

    private const int PartBytes = 1 << 20;

    private readonly OrderedDictionary<string, (TensorType Type, Array Values)> _arrays = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, string> _values = new(StringComparer.Ordinal);
    private string _source = "the training state";

    /// <summary>Names of the arrays, in the order of setting.</summary>
    public IEnumerable<string> ArrayNames => _arrays.Keys;

    /// <summary>Names of the values, in the order of setting.</summary>
    public IEnumerable<string> ValueNames => _values.Keys;

    /// <summary>Sets an array, by reference: it must not change before <see cref="Save"/>.</summary>
    /// <param name="name">Its name, such as <c>momentum</c>.</param>
    /// <param name="values">The array; may be empty.</param>
    public void SetArray<T>(string name, T[] values)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(values);
        _arrays[name] = (TensorTypes.Of<T>(), values);
    }

    /// <summary>The array of a name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="expectedLength">Its length, or -1 when any is fine.</param>
    /// <exception cref="UserErrorException">It is absent, of another type, or of another length.</exception>
    public T[] GetArray<T>(string name, int expectedLength = -1)
        where T : unmanaged
    {
        if (!_arrays.TryGetValue(name, out var entry))
            throw new UserErrorException($"{_source} has no array '{name}'; it was written by another version or another kind of run.");
        if (entry.Values is not T[] values)
            throw new UserErrorException($"{_source}: array '{name}' is {entry.Type.Name()}, expected {TensorTypes.Of<T>().Name()}.");
        return expectedLength < 0 || values.Length == expectedLength
            ? values
            : throw new UserErrorException(
                $"{_source}: array '{name}' has {values.Length} elements, expected {expectedLength}; it belongs to another model."
            );
    }

    /// <summary>True if there is an array of this name.</summary>
    public bool HasArray(string name) => _arrays.ContainsKey(name);

    /// <summary>Sets a text value.</summary>
    public void Set(string name, string value) => _values[name] = value;

    /// <summary>Sets an integer, such as a step.</summary>
    public void Set(string name, long value) => _values[name] = value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Sets an unsigned integer, such as a seed.</summary>
    public void Set(string name, ulong value) => _values[name] = value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Sets a number; it comes back with the same bits.</summary>
    public void Set(string name, double value) => _values[name] = value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A text value.</summary>
    /// <exception cref="UserErrorException">It is absent.</exception>
    public string GetString(string name) =>
        _values.TryGetValue(name, out var value)
            ? value
            : throw new UserErrorException($"{_source} has no value '{name}'; it was written by another version or another kind of run.");

    /// <summary>An integer value.</summary>
    /// <exception cref="UserErrorException">It is absent or not an integer.</exception>
    public long GetInt64(string name) =>
        long.TryParse(GetString(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var v)
            ? v
            : throw NotA(name, "an integer");

    /// <summary>An unsigned integer value.</summary>
    /// <exception cref="UserErrorException">It is absent or not an unsigned integer.</exception>
    public ulong GetUInt64(string name) =>
        ulong.TryParse(GetString(name), NumberStyles.None, CultureInfo.InvariantCulture, out var v)
            ? v
            : throw NotA(name, "an integer of 0 or more");

    /// <summary>A number.</summary>
    /// <exception cref="UserErrorException">It is absent or not a number.</exception>
    public double GetDouble(string name) =>
        double.TryParse(GetString(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var v) ? v : throw NotA(name, "a number");

    /// <summary>Fails unless a value is the expected one, such as the hash of the configuration to be resumed.</summary>
    /// <param name="name">Name of the value.</param>
    /// <param name="expected">What this run has.</param>
    /// <param name="remedy">What to do when they differ, as the end of the sentence.</param>
    /// <exception cref="UserErrorException">They differ.</exception>
    public void Require(string name, string expected, string remedy)
    {
        var actual = GetString(name);
        if (actual != expected)
            throw new UserErrorException($"{_source}: '{name}' is '{actual}', but this run has '{expected}'; {remedy}.");
    }

    /// <summary>As <see cref="Require(string, string, string)"/>, where states that are older than the value stand for another.</summary>
    /// <param name="name">Name of the value.</param>
    /// <param name="expected">What this run has.</param>
    /// <param name="before">What states had that do not say it.</param>
    /// <param name="remedy">What to do when they differ, as the end of the sentence.</param>
    /// <exception cref="UserErrorException">They differ.</exception>
    public void Require(string name, string expected, string before, string remedy)
    {
        _values.TryAdd(name, before);
        Require(name, expected, remedy);
    }

    /// <summary>Puts what decides a run into the state, thing by thing, so that a refusal names the one that differs.</summary>
    /// <param name="identity">Name and value of each.</param>
    public void SetAll(IEnumerable<(string Name, string Value)> identity)
    {
        foreach (var (name, value) in identity)
            Set(name, value);
    }

    /// <summary>Requires the values that <see cref="SetAll"/> put there.</summary>
    /// <param name="identity">Name and value of each in this run.</param>
    /// <param name="remedy">What to do where one differs.</param>
    /// <exception cref="UserErrorException">One differs.</exception>
    public void RequireAll(IEnumerable<(string Name, string Value)> identity, string remedy)
    {
        foreach (var (name, value) in identity)
            Require(name, value, remedy);
    }

    /// <summary>A value of a state, read from the head of its file; null where it has none of that name.</summary>
    internal static string? ValueOf(SafeTensorsFile file, string name) => file.Metadata.GetValueOrDefault("value." + name);

    /// <summary>Writes the state atomically.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It cannot be written; a previous state is unchanged.</exception>
    public void Save(string path)
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata[KindKey] = Kind;
        foreach ((var name, var value) in _values)
            writer.Metadata["value." + name] = value;
        foreach ((var name, (var type, var values)) in _arrays)
            writer.Add(name, type, [values.Length], stream => ForEachPart(values, type, stream.Write));
        writer.Metadata[HashKey] = ComputeHash();
        writer.Save(path);
    }

    /// <summary>Reads a state and verifies its hash.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It is missing, not a training state, or damaged.</exception>
    public static TrainingState Load(string path)
    {
        if (FileTrust.WhyNotOfGroup(path) is { } why)
            throw new UserErrorException($"The checkpoint '{path}' cannot be gone on from, because {why}: it may hold anything.");
        using var file = SafeTensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(KindKey, out var kind) || kind != Kind)
            throw new UserErrorException(
                $"'{path}' is a safetensors file but not a training state; give the state that a run of Lur wrote."
            );
        var state = new TrainingState { _source = $"'{path}'" };
        foreach ((var key, var value) in file.Metadata)
            if (key.StartsWith("value.", StringComparison.Ordinal))
                state._values[key["value.".Length..]] = value;
        foreach (var t in file.Tensors)
            state._arrays[t.Name] = (t.Type, ReadArray(file, t));
        string actual = state.ComputeHash(),
            expected = file.Metadata.GetValueOrDefault(HashKey, "");
        if (actual != expected)
            throw new UserErrorException(
                $"'{path}' is damaged: SHA-256 of its content is {actual}, expected '{expected}'; resume from an older state."
            );
        return state;
    }

    // In the order of names: the file orders arrays by element size, so the order of setting does not survive a round trip.
    private string ComputeHash()
    {
        using var hash = new ContentHash();
        foreach ((var name, var value) in _values.OrderBy(v => v.Key, StringComparer.Ordinal))
            hash.Append(Encoding.UTF8.GetBytes($"{name}\0{value}\0"));
        foreach ((var name, (var type, var values)) in _arrays.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            hash.Append(Encoding.UTF8.GetBytes($"{name}\0{type.Name()}\0{values.Length}\0"));
            ForEachPart(values, type, hash.Append);
        }
        return hash.Text();
    }

    // An array may hold more bytes than one span can show.
    private static void ForEachPart(Array values, TensorType type, Action<ReadOnlySpan<byte>> use)
    {
        var bytes = (long)values.Length * type.Size();
        for (long offset = 0; offset < bytes; offset += PartBytes)
        {
            ref var first = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(values), (nint)offset);
            use(MemoryMarshal.CreateReadOnlySpan(ref first, (int)Math.Min(PartBytes, bytes - offset)));
        }
    }

    private static Array ReadArray(SafeTensorsFile file, TensorInfo t) =>
        t.Type switch
        {
            TensorType.F32 => file.ReadArray<float>(t.Name),
            TensorType.F64 => file.ReadArray<double>(t.Name),
            TensorType.F16 => file.ReadArray<Half>(t.Name),
            TensorType.I32 => file.ReadArray<int>(t.Name),
            TensorType.U32 => file.ReadArray<uint>(t.Name),
            TensorType.I64 => file.ReadArray<long>(t.Name),
            TensorType.U64 => file.ReadArray<ulong>(t.Name),
            TensorType.I16 => file.ReadArray<short>(t.Name),
            TensorType.U16 => file.ReadArray<ushort>(t.Name),
            TensorType.I8 => file.ReadArray<sbyte>(t.Name),
            TensorType.Bool => file.ReadArray<bool>(t.Name),
            TensorType.U8 => file.ReadArray<byte>(t.Name),
            _ => throw new UserErrorException($"'{file.Path}': array '{t.Name}' is {t.Type.Name()}, which no training state holds."),
        };

    private UserErrorException NotA(string name, string what) => new($"{_source}: value '{name}' is '{GetString(name)}', expected {what}.");
}
