"""A ModelViewSet with a ModelSerializer, as in DRF's tutorial."""

import json

from rest_framework import permissions, serializers, viewsets
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from .models import Grade


class GradeSerializer(serializers.ModelSerializer):
    class Meta:
        model = Grade
        fields = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3"]


class GradeViewSet(viewsets.ModelViewSet):
    queryset = Grade.objects.all()
    serializer_class = GradeSerializer
    permission_classes = [permissions.AllowAny]

    def create(self, request):
        try:
            fields = {name: json.loads(value) for name, value in request.data.items()}
        except ValueError:
            return Response("数据提交失败", status=400)
        serializer = self.get_serializer(data=fields)
        if not serializer.is_valid():
            return Response("数据提交失败", status=400)
        self.perform_create(serializer)
        return Response("数据提交成功")


router = SimpleRouter(trailing_slash=False)
router.register("score", GradeViewSet)
