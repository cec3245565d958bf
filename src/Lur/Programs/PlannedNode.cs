using Lur.Device;

namespace Lur.Programs;

/// <summary>What a recorded operation asks of a device, beside its accesses.</summary>
/// <param name="Shape">Of a launch; all zero for others.</param>
/// <param name="Adds">True where the kernel's flag <c>accumulate</c> is set: it reads what it writes first.</param>
/// <param name="Product">Of a matrix product; all zero for others.</param>
/// <param name="Rounding">What the factors of the product are rounded to.</param>
internal readonly record struct NodeWork(
    LaunchShape Shape,
    bool Adds = false,
    ProductSize Product = default,
    ProductPrecision Rounding = ProductPrecision.Float32
);

/// <summary>Sizes of equal matrix products, C[m,n] += A[m,k] B[k,n].</summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Terms of a sum.</param>
/// <param name="Batch">How many; 0 for no product.</param>
public readonly record struct ProductSize(int M, int N, int K, int Batch)
{
    /// <summary>Operations: a multiply-add is two.</summary>
    public long Operations => 2L * M * N * K * Batch;
}

/// <summary>An operation of a program, counted: bytes at the least, each array once from memory and once to it.</summary>
/// <param name="Section">Part of the step.</param>
/// <param name="Name">Kernel, or gemm, batched gemm, copy, clear, upload.</param>
/// <param name="BytesRead">Bytes read.</param>
/// <param name="BytesWritten">Bytes written.</param>
/// <param name="Operations">Arithmetic: exact for a product; for a kernel <see cref="PerElement"/> for each element of its
/// arrays.</param>
/// <param name="Shape">Of a launch; all zero for others.</param>
/// <param name="Product">Of a matrix product; all zero for others.</param>
public sealed record PlannedNode(
    string Section,
    string Name,
    long BytesRead,
    long BytesWritten,
    long Operations,
    LaunchShape Shape,
    ProductSize Product
)
{
    /// <summary>What the factors of a product or a convolution are rounded to, which decides how fast it can be.</summary>
    public ProductPrecision Rounding { get; init; }

    /// <summary>Operations that a kernel is taken to make for each element it reads or writes. Those of the vectors and layers make 1
    /// to 12; a GPU of today moves one in the time of 40 to 80, so that the number decides nothing.</summary>
    public const int PerElement = 8;

    // Arrays that a kernel updates in place: not const, and read as well as written, whatever its flags are. A test holds the names to
    // the catalog.
    internal static readonly Dictionary<string, string[]> InPlace = new(StringComparer.Ordinal)
    {
        ["attention_softmax"] = ["p"],
        ["attention_jacobian"] = ["p", "x"],
        ["attention_backward_tangent"] = ["p", "tp", "ds", "tds"],
        ["batch_norm_statistics_finish"] = ["running_mean", "running_var"],
        ["batch_norm_total_statistics"] = ["running_mean", "running_var"],
        ["sgd_step"] = ["theta", "momentum"],
        ["adam_step"] = ["theta", "m", "v"],
        ["lur_meta_update"] = ["theta", "momentum"],
        ["lur_adam_update"] = ["theta", "m", "second"],
        ["l1_subgradient"] = ["g"],
        ["clip_apply"] = ["g"],
        ["average_step"] = ["a"],
        ["average_swap"] = ["a", "theta"],
        ["vector_axpy"] = ["y"],
        ["vector_abs_accumulate"] = ["y"],
        ["fisher_accumulate"] = ["sum"],
        ["fisher_dampen"] = ["theta"],
        ["fisher_noise"] = ["theta"],
    };

    private static readonly Lazy<Dictionary<string, string[]>> s_pointers = new(() =>
        KernelCatalog
            .Files.SelectMany(f => f.Kernels)
            .ToDictionary(k => k.Name, k => k.Parameters.Where(p => p.IsPointer).Select(p => p.Name).ToArray(), StringComparer.Ordinal)
    );

    /// <summary>Bytes read and written.</summary>
    public long Bytes => BytesRead + BytesWritten;

    /// <summary>Counts an operation.</summary>
    /// <param name="section">Part of the step.</param>
    /// <param name="name">Kernel or kind.</param>
    /// <param name="accesses">Of a kernel, in the order of its pointers.</param>
    /// <param name="work">Shape or size.</param>
    /// <param name="precision">Element type.</param>
    internal static PlannedNode Of(string section, string name, ReadOnlySpan<Access> accesses, NodeWork work, Precision precision)
    {
        long read = 0,
            written = 0;
        InPlace.TryGetValue(name, out var updated);
        var adds = work.Adds;
        for (var i = 0; i < accesses.Length; i++)
        {
            var access = accesses[i];
            if (!access.Writes)
            {
                read += access.Bytes;
                continue;
            }

            written += access.Bytes;
            // The array that a kernel adds to is its first.
            if (adds || (updated is not null && updated.Contains(s_pointers.Value[name][i])))
                read += access.Bytes;
            adds = false;
        }

        // A copy computes nothing.
        var operations =
            work.Product.Batch > 0 ? work.Product.Operations
            : work.Shape.MultiplyAdds > 0 ? 2 * work.Shape.MultiplyAdds
            : work.Shape.GridX > 0 ? PerElement * ((read + written) / precision.Size())
            : 0;
        // Kernels for tensor cores have their format for a last name.
        var rounding =
            work.Shape.MultiplyAdds == 0 ? work.Rounding
            : name.EndsWith("_bf16", StringComparison.Ordinal) ? ProductPrecision.Bf16
            : ProductPrecision.Tf32;
        return new PlannedNode(section, name, read, written, operations, work.Shape, work.Product) { Rounding = rounding };
    }
}
