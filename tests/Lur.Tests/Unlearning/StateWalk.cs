using System.Collections;
using System.Reflection;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Tests.Unlearning;

/// <summary>Everything that a run carries from step to step, wherever an object keeps it: found by walking its private fields, so
/// that a method cannot have state that a test does not see.</summary>
internal sealed class StateWalk
{
    // What a step leaves to the next one. Gradients, masks and anchors are not: they are written before they are read.
    private static readonly string[] s_state = ["parameters", "running statistics", "momentum", "moment", "average"];
    private readonly List<FlatVector> _vectors = [];
    private readonly List<Model> _models = [];
    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);

    public StateWalk(object root) => Visit(root);

    /// <summary>Names of the vectors that were found.</summary>
    public IEnumerable<string> Names => _vectors.Select(v => v.Name);

    /// <summary>A copy of every vector, and the counts of batches behind running statistics.</summary>
    public IReadOnlyList<(string Name, double[] Values)> Read() =>
        [.. _vectors.Select(v => (v.Name, v.ToArray())), .. _models.Select(m => ("batches tracked", new[] { (double)m.BatchesTracked }))];

    private void Visit(object? value)
    {
        if (value is null or string or ComputeDevice || value.GetType().IsPrimitive || !_seen.Add(value))
            return;
        if (value is FlatVector vector)
        {
            if (s_state.Any(s => vector.Name.Contains(s, StringComparison.OrdinalIgnoreCase)))
                _vectors.Add(vector);
            return;
        }

        if (value is Model model)
            _models.Add(model);
        if (value is Delegate call)
        {
            foreach (var part in call.GetInvocationList())
                Visit(part.Target);
        }
        else if (value is IEnumerable items && value.GetType().Assembly != typeof(Model).Assembly)
        {
            if (value is Array { Rank: 1 } array && array.GetType().GetElementType()!.IsPrimitive)
                return;
            foreach (var item in items)
                Visit(item);
        }
        else if (value.GetType().Assembly == typeof(Model).Assembly || value is System.Runtime.CompilerServices.ITuple)
            VisitFields(value);
    }

    private void VisitFields(object value)
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        for (var type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (var field in type.GetFields(own))
            {
                if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike)
                    Visit(field.GetValue(value));
            }
        }
    }
}
