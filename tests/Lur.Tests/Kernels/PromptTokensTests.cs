using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>prompt_tokens.cu: the tokens of the prompts that are asked for, from a table of real numbers.</summary>
public class PromptTokensTests
{
    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void TokensAreThoseOfTheTable(Precision precision)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (var (n, tokens) in new[] { (1, 1), (5, 3), (7, 77), (3, 1031) })
        {
            const int Prompts = 4;
            using var scope = new KernelScope(test, precision);
            // Above 2^23 a float still holds every whole number up to 2^24.
            double[] table = [.. Enumerable.Range(0, Prompts * tokens).Select(i => (double)(((1 << 24) - 1 - (i * 7919)) & 0xFFFFFF))];
            int[] ids = [.. Enumerable.Range(0, n).Select(i => ((i * 3) + 2) % Prompts)];
            ids[n / 2] = -1; // none: token 0
            var y = scope.Unwritten<int>(n * tokens);
            scope.Kernels.PromptTokens.PromptTokens(
                scope.Device.Rows(n, tokens),
                y.Pointer(),
                scope.Vector(table).Pointer,
                scope.Array(ids).Pointer(),
                n,
                tokens
            );
            int[] expected = [.. ids.SelectMany(id => Enumerable.Range(0, tokens).Select(t => id < 0 ? 0 : (int)table[(id * tokens) + t]))];
            Assert.That(y.Download(), Is.EqualTo(expected), $"{scope.Name} {n} x {tokens}");
        }
    }
}
