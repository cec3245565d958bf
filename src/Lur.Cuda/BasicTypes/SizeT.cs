namespace Lur.Cuda.BasicTypes;

/// <summary>A native <c>size_t</c>: bytes or elements, as the call says.</summary>
/// <param name="value">The value; 64 bits.</param>
public readonly struct SizeT(ulong value) : IEquatable<SizeT>
{
    private readonly nuint _value = (nuint)value;

    /// <summary>Widens a non-negative <see cref="int"/>.</summary>
    public static implicit operator SizeT(int value) => new(checked((ulong)value));

    /// <summary>Widens a non-negative <see cref="long"/>.</summary>
    public static implicit operator SizeT(long value) => new(checked((ulong)value));

    /// <summary>Widens a <see cref="uint"/>.</summary>
    public static implicit operator SizeT(uint value) => new(value);

    /// <summary>Takes a <see cref="ulong"/> as it is.</summary>
    public static implicit operator SizeT(ulong value) => new(value);

    /// <summary>The value as <see cref="long"/>.</summary>
    public static implicit operator long(SizeT value) => checked((long)value._value);

    /// <summary>The value as <see cref="ulong"/>.</summary>
    public static implicit operator ulong(SizeT value) => value._value;

    /// <summary>The value as <see cref="int"/>; overflows throw.</summary>
    public static implicit operator int(SizeT value) => checked((int)value._value);

    /// <summary>The value as <see cref="uint"/>; overflows throw.</summary>
    public static implicit operator uint(SizeT value) => checked((uint)value._value);

    /// <summary>Equality of values.</summary>
    public static bool operator ==(SizeT left, SizeT right) => left._value == right._value;

    /// <summary>Inequality of values.</summary>
    public static bool operator !=(SizeT left, SizeT right) => left._value != right._value;

    /// <inheritdoc/>
    public bool Equals(SizeT other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SizeT other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => _value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
