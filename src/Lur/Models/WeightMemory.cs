using Lur.Device;

namespace Lur.Models;

/// <summary>Device memory of a program that a model's weights lie in, in the place of memory of the model's own. The program keeps it
/// as long as the model is used.</summary>
/// <param name="Parameters">The trained tensors: as many elements as <see cref="Model.Parameters"/> has, in the order of its
/// layout.</param>
/// <param name="Statistics">The running statistics likewise (<see cref="Model.Buffers"/>); does not count for a model without.</param>
public sealed record WeightMemory(DevicePointer<Real> Parameters, DevicePointer<Real> Statistics);
