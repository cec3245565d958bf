using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Lur.Checkpoints;

/// <summary>
/// The header of a .npy array (NumPy's format, versions 1 to 3): magic, version, length, then a Python dictionary with the keys
/// descr, fortran_order and shape.
/// </summary>
/// <param name="Type">F64 or F32.</param>
/// <param name="Shape">Extents; none for a single number.</param>
/// <param name="ColumnMajor">True where the first index runs fastest (Fortran order).</param>
/// <param name="Count">Number of elements.</param>
internal sealed record NpyHeader(TensorType Type, long[] Shape, bool ColumnMajor, int Count)
{
    /// <summary>Three keys take some hundred bytes; only structured types, which are refused, take more.</summary>
    private const int MaxBytes = 1 << 16;

    private const int Alignment = 64;

    private static readonly byte[] s_magic = [0x93, .. "NUMPY"u8];

    /// <summary>Reads a header and leaves the stream at the first element.</summary>
    /// <param name="stream">An array from its first byte.</param>
    /// <param name="where">The array, to begin error sentences with.</param>
    /// <exception cref="UserErrorException">It is none, or its elements are not little-endian float64 or float32.</exception>
    /// <exception cref="EndOfStreamException">The stream ends first.</exception>
    public static NpyHeader Read(Stream stream, string where)
    {
        Span<byte> head = stackalloc byte[8];
        stream.ReadExactly(head);
        if (!head.StartsWith(s_magic))
            throw Damaged(where, "does not begin as a NumPy array does");
        if (head[6] is < 1 or > 3)
            throw new UserErrorException(
                $"{where} has version {head[6]} of NumPy's format, expected 1 to 3; save it again with numpy.savez."
            );
        var length = head[..(head[6] == 1 ? 2 : 4)];
        stream.ReadExactly(length);
        var bytes = length.Length == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(length) : BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (bytes > MaxBytes)
            throw Damaged(where, $"has a header of {bytes} bytes, expected at most {MaxBytes}");
        var text = new byte[bytes];
        stream.ReadExactly(text);
        return Parse(Encoding.UTF8.GetString(text), where);
    }

    /// <summary>A header of version 1, as numpy writes it: padded with spaces so that the elements begin at a multiple of 64.</summary>
    public static byte[] Write(TensorType type, ReadOnlySpan<long> shape)
    {
        var extents = new StringBuilder();
        foreach (var extent in shape)
            extents.Append(extents.Length == 0 ? "" : " ").Append(CultureInfo.InvariantCulture, $"{extent},");
        // A tuple of one keeps its comma.
        if (shape.Length > 1)
            extents.Length--;
        var text = $"{{'descr': '{(type == TensorType.F64 ? "<f8" : "<f4")}', 'fortran_order': False, 'shape': ({extents}), }}";
        var prefix = s_magic.Length + 4;
        var total = (prefix + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        var header = new byte[total];
        header.AsSpan().Fill((byte)' ');
        s_magic.CopyTo(header, 0);
        (header[s_magic.Length], header[s_magic.Length + 1]) = (1, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(s_magic.Length + 2), checked((ushort)(total - prefix)));
        Encoding.ASCII.GetBytes(text, header.AsSpan(prefix));
        header[^1] = (byte)'\n';
        return header;
    }

    private static NpyHeader Parse(string text, string where)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        var pairs =
            PythonDictionary.Read(text) ?? throw Damaged(where, "has a header that is no dictionary of descr, fortran_order and shape");
        foreach (var (key, value) in pairs)
            if (!entries.TryAdd(key, value))
                throw Damaged(where, $"has '{key}' twice in its header");
        if (
            entries.Count != 3
            || !entries.TryGetValue("descr", out var type)
            || !entries.TryGetValue("fortran_order", out var order)
            || !entries.TryGetValue("shape", out var extents)
        )
            throw Damaged(where, "has a header that lacks one of descr, fortran_order and shape, or has another key");
        if (order is not ("True" or "False") || extents[0] != '(')
            throw Damaged(where, "has a header whose fortran_order is neither True nor False, or whose shape is no tuple");
        var element = TypeOf(type, where);
        var shape = ShapeOf(extents, where);
        return new NpyHeader(element, shape, order == "True", CountOf(shape, element, where));
    }

    private static TensorType TypeOf(string type, string where)
    {
        var name = type.Trim('\'', '"');
        var problem = name switch
        {
            "<f8" or "<f4" => null,
            _ when name.StartsWith('|') && name.Contains('O', StringComparison.Ordinal) =>
                "holds Python objects (a pickle), which Lur does not run",
            _ when name.StartsWith('>') => $"is big-endian ('{name}')",
            _ => $"has elements of type {type}",
        };
        if (problem is not null)
            throw new UserErrorException(
                $"{where} {problem}, expected little-endian float64 or float32; save it again after .astype('<f8')."
            );
        return name == "<f8" ? TensorType.F64 : TensorType.F32;
    }

    private static long[] ShapeOf(string tuple, string where)
    {
        var inner = tuple[1..^1].Trim();
        if (inner.Length == 0)
            return [];
        var parts = (inner.EndsWith(',') ? inner[..^1] : inner).Split(',');
        var shape = new long[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            // Python 2 marked long integers: (2048L, 2048L).
            if (!long.TryParse(parts[i].Trim().TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                throw Damaged(where, $"has the shape {tuple}, expected whole numbers of 0 or more");
        return shape;
    }

    private static int CountOf(long[] shape, TensorType type, string where)
    {
        var bytes = (UInt128)type.Size();
        foreach (var extent in shape)
        {
            bytes *= (UInt128)extent;
            // Checked at each factor, so that neither the product nor a later 0 hides it.
            if (bytes > int.MaxValue)
                throw new UserErrorException(
                    $"{where} has the shape {TensorInfo.TextOf(shape)}, more than 2 GiB; give statistics of fewer features."
                );
        }

        return (int)bytes / type.Size();
    }

    private static UserErrorException Damaged(string where, string what) =>
        new($"{where} {what}; the file is damaged or was not written by NumPy: save it again with numpy.savez.");
}
