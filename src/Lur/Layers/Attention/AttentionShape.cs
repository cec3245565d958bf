namespace Lur.Layers;

/// <summary>Sizes of scaled dot-product attention: queries [N, L, C], keys and values [N, M, C], heads of C / heads neighbouring
/// channels.</summary>
/// <param name="N">Samples in the batch.</param>
/// <param name="L">Queries of a sample: rows of the output.</param>
/// <param name="M">Keys and values of a sample.</param>
/// <param name="C">Channels of all heads together.</param>
/// <param name="Heads">Number of heads; it divides C.</param>
public readonly record struct AttentionShape(int N, int L, int M, int C, int Heads)
{
    /// <summary>Channels of one head.</summary>
    public int HeadWidth => C / Heads;

    /// <summary>Rows of all matrices together: numbers that are kept between the passes.</summary>
    public int LogSums => checked(N * Heads * L);

    /// <summary>Multiplications of the forward pass.</summary>
    public long MultiplyAdds => 2L * N * L * M * C;

    /// <inheritdoc/>
    public override string ToString() => $"attention {N}x{L}x{M}x{C}, {Heads} heads";

    /// <summary>Checks the sizes.</summary>
    /// <exception cref="ArgumentException">A size below 1, channels that the heads do not divide, or 2^31 elements or more.</exception>
    public void Validate()
    {
        if (N < 1 || L < 1 || M < 1 || C < 1 || Heads < 1)
            throw new ArgumentException($"{this}: every size must be at least 1.");
        if (C % Heads != 0)
            throw new ArgumentException($"{this}: {Heads} heads do not divide {C} channels; use a number of heads that does.");
        if (Math.Max(Math.Max((long)N * L * C, (long)N * M * C), (long)N * L * Heads) > int.MaxValue)
            throw new ArgumentException($"{this}: a tensor has 2^31 elements or more; use a smaller batch.");
    }
}
