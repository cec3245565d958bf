using Lur.Layers;
using Lur.Models;

namespace Lur.Tests.Models;

/// <summary>Tensors of networks against a published list: NAME EXTENTxEXTENT, behind a line with the totals.</summary>
internal static class ParameterNames
{
    public static void AssertEqual(IReadOnlyList<Network> networks, string list, int parameters, int tensors)
    {
        var lines = File.ReadAllLines(DiffusersFolderTests.Golden(list));
        Assert.That(lines[0], Is.EqualTo($"# {parameters} parameters in {tensors} tensors"));
        var slots = networks.SelectMany(n => n.Parameters.Slots).ToArray();
        Assert.That(slots.Sum(s => s.Count), Is.EqualTo(parameters));
        Assert.That(slots.Select(s => $"{s.Name} {string.Join('x', s.FileShape())}").Order(), Is.EqualTo(lines[1..].Order()));
    }
}
